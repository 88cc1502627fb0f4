"""Attention between few tokens and many pixels, without projections of the pixels.

A projection of the pixels costs pixels * 256 * 128 multiply-adds. With T tokens and 8 heads, products on the
side of the tokens cost pixels * 256 * 8 T: less while T is below 16, and no map of projected pixels is made.

Pixels have four axes, (B, 1, P, C): delegates of GPUs were seen to compute products of three wrongly, and
ONNX Runtime fuses sums of three with the norm behind them into an operator that is slower than both.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.sam.attention import NUM_HEADS, Attention, heads, merged
from rapsam.models.sam.layers import EMBEDDING_WIDTH

# Legend: B prompts, T tokens, H heads, P pixels, C channels (256), D channels of a head.


class TokensToImage(nn.Module):
    """Attention of tokens to pixels.

    A score is q . (Wk p + bk) = (Wk^T q) . p + a constant over the pixels, which the softmax drops. Its
    weights add up to 1, so that the attended value is Wv (sum of weight times p) + bv.

    Args:
        attention: The trained attention.
    """

    key_weight: Tensor
    value_weight: Tensor
    value_bias: Tensor

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.query_proj = _scaled(attention.query_proj, attention.head_width**-0.5)
        self.out_proj = copy.deepcopy(attention.out_proj)
        self.register_buffer("key_weight", by_head(attention.key_proj.weight))
        self.register_buffer("value_weight", by_head(attention.value_proj.weight).transpose(-2, -1).clone())
        self.register_buffer("value_bias", attention.value_proj.bias.detach().clone())

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attends from queries (B, T, C) to keys and values (B, 1, P, C): (B, T, C) without the residual."""
        batch, count, _ = queries.shape
        kernels = heads(self.query_proj(queries)) @ self.key_weight
        kernels = kernels.reshape(batch, 1, NUM_HEADS * count, EMBEDDING_WIDTH)
        weights = (kernels @ keys.transpose(-2, -1)).softmax(-1)
        attended = (weights @ values).reshape(batch, NUM_HEADS, count, EMBEDDING_WIDTH)
        return self.out_proj(merged(attended @ self.value_weight) + self.value_bias)  # type: ignore[no-any-return]


class ImageToTokens(nn.Module):
    """Attention of pixels to tokens.

    A score is (Wq p + bq) . k = p . (Wq^T k) + bq . k, and what a pixel gets is the sum over heads and tokens
    of weight times Wo v: neither needs a map of queries or of attended values. The weights of a head add up
    to 1, so that each head's answers may carry their share of the last bias.

    Args:
        attention: The trained attention.
    """

    query_weight: Tensor
    query_bias: Tensor
    out_weight: Tensor
    out_bias: Tensor

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        scale = attention.head_width**-0.5
        self.key_proj = _scaled(attention.key_proj, scale)
        self.value_proj = copy.deepcopy(attention.value_proj)
        bias = attention.query_proj.bias.detach().reshape(1, NUM_HEADS, 1, -1)
        self.register_buffer("query_weight", by_head(attention.query_proj.weight))
        self.register_buffer("query_bias", bias.clone())
        self.register_buffer("out_weight", by_head(attention.out_proj.weight.T))
        self.register_buffer("out_bias", attention.out_proj.bias.detach() / NUM_HEADS)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, hidden: Tensor) -> Tensor:
        """Attends from pixels to tokens.

        Args:
            queries: (B, 1, P, C).
            keys: (B, T, C).
            values: (B, T, C).
            hidden: (B, 1, 1, T), added to the scores: far below 0 for tokens that must not be seen.

        Returns:
            (B, 1, P, C) without the residual.
        """
        batch, count, _ = keys.shape
        k = heads(self.key_proj(keys))
        kernels = (k @ self.query_weight).reshape(batch, 1, NUM_HEADS * count, EMBEDDING_WIDTH)
        # A product with a vector: as a matrix of one column ExecuTorch's delegate for Vulkan loses an axis.
        offsets = (k * self.query_bias).sum(-1).reshape(batch, 1, NUM_HEADS, count)
        scores = queries @ kernels.transpose(-2, -1)
        scores = scores.reshape(batch, -1, NUM_HEADS, count) + (offsets + hidden)
        weights = scores.softmax(-1).reshape(batch, 1, -1, NUM_HEADS * count)
        answers = heads(self.value_proj(values)) @ self.out_weight + self.out_bias
        told: Tensor = weights @ answers.reshape(batch, 1, -1, EMBEDDING_WIDTH)
        return told


class MaskedSelfAttention(nn.Module):
    """Attention among tokens, some of which must not be seen; the scale is in the weights of the queries.

    Args:
        attention: The trained attention.
    """

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.query_proj = _scaled(attention.query_proj, attention.head_width**-0.5)
        self.key_proj = copy.deepcopy(attention.key_proj)
        self.value_proj = copy.deepcopy(attention.value_proj)
        self.out_proj = copy.deepcopy(attention.out_proj)

    def forward(self, placed: Tensor, tokens: Tensor, hidden: Tensor) -> Tensor:
        """Attends among tokens.

        Args:
            placed: (B, T, C), tokens with their positions, for queries and keys.
            tokens: (B, T, C), for the values.
            hidden: As `ImageToTokens` takes it.

        Returns:
            (B, T, C) without the residual.
        """
        q, k = heads(self.query_proj(placed)), heads(self.key_proj(placed))
        weights = (q @ k.transpose(-2, -1) + hidden).softmax(-1)
        return self.out_proj(merged(weights @ heads(self.value_proj(tokens))))  # type: ignore[no-any-return]


def by_head(weight: Tensor) -> Tensor:
    """Splits the rows of a projection (H * D, C) by heads, (1, H, D, C)."""
    rows, channels = weight.shape
    return weight.detach().reshape(1, NUM_HEADS, rows // NUM_HEADS, channels).clone()


@torch.no_grad()
def _scaled(layer: nn.Linear, scale: float) -> nn.Linear:
    made = copy.deepcopy(layer)
    made.weight.mul_(scale)
    made.bias.mul_(scale)
    return made
