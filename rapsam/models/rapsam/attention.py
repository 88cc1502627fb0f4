"""Multi-head attention written out in plain matrix products, so that every converter takes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Scaled dot-product attention with packed query, key and value projections."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_width = width // num_heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, queries: Tensor, keys: Tensor, *, visible: Tensor | None = None) -> Tensor:
        """Attends from queries to keys; keys are the values too.

        Args:
            queries: (B, N, C).
            keys: (B, M, C).
            visible: Boolean (N, M), True where a query may look; None for everywhere.

        Returns:
            (B, N, C), without the residual.
        """
        weights, biases = self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3)
        q = self._heads(nn.functional.linear(queries, weights[0], biases[0]))
        k = self._heads(nn.functional.linear(keys, weights[1], biases[1]))
        v = self._heads(nn.functional.linear(keys, weights[2], biases[2]))
        scores = (q * self.head_width**-0.5) @ k.transpose(-2, -1)
        if visible is not None:
            scores = scores.masked_fill(~visible, -torch.inf)
        attended = scores.softmax(-1) @ v
        batch, _, count, _ = attended.shape
        merged = attended.transpose(1, 2).reshape(batch, count, self.num_heads * self.head_width)
        return self.out_proj(merged)  # type: ignore[no-any-return]

    def _heads(self, x: Tensor) -> Tensor:
        batch, count, _ = x.shape
        return x.reshape(batch, count, self.num_heads, self.head_width).transpose(1, 2)
