"""Attention between tokens and image, with projections to fewer channels; heads, for any attention."""

from __future__ import annotations

from torch import Tensor, nn

from rapsam.models.sam.layers import EMBEDDING_WIDTH

NUM_HEADS = 8


class Attention(nn.Module):
    """Scaled dot-product attention with a projection each for queries, keys, values and the result.

    Args:
        inner_width: Channels of queries, keys and values, of all heads together.
    """

    def __init__(self, inner_width: int) -> None:
        super().__init__()
        self.head_width = inner_width // NUM_HEADS
        self.query_proj = nn.Linear(EMBEDDING_WIDTH, inner_width)
        self.key_proj = nn.Linear(EMBEDDING_WIDTH, inner_width)
        self.value_proj = nn.Linear(EMBEDDING_WIDTH, inner_width)
        self.out_proj = nn.Linear(inner_width, EMBEDDING_WIDTH)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attends from queries (B, N, C) to keys and values (B, M, C): (B, N, C) without the residual."""
        q, k, v = self.query_proj(queries), self.key_proj(keys), self.value_proj(values)
        scores = heads(q) @ heads(k).transpose(-2, -1) * self.head_width**-0.5
        return self.out_proj(merged(scores.softmax(-1) @ heads(v)))  # type: ignore[no-any-return]


def heads(x: Tensor, num_heads: int = NUM_HEADS) -> Tensor:
    """Splits (B, N, C) into (B, heads, N, C / heads)."""
    batch, count, width = x.shape
    return x.reshape(batch, count, num_heads, width // num_heads).transpose(1, 2)


def merged(x: Tensor) -> Tensor:
    """Puts (B, heads, N, D) together again, (B, N, heads * D)."""
    batch, count, length, width = x.shape
    return x.transpose(1, 2).reshape(batch, length, count * width)
