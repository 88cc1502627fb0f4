"""Attention of prompts, without the key and value maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rapsam.models.rapsam.attention import Attention
from rapsam.models.rapsam.rewrites.linear import exact_product, linear_layer

# Legend: B batch, K prompts, C hidden channels, A aggregated channels, P pixels.


def collapsed_self_attention(attention: Attention) -> nn.Linear:
    """Makes the self-attention of a query that sees itself alone: the softmax of one score is 1.

    What remains is out_proj(v_proj(k)), one matrix (C, C).
    """
    _, _, value_weight = attention.in_proj.weight.detach().chunk(3)
    _, _, value_bias = attention.in_proj.bias.detach().chunk(3)
    out = attention.out_proj
    bias = exact_product(out.weight, value_bias) + out.bias.detach()
    return linear_layer(exact_product(out.weight, value_weight), bias, out.weight.dtype)


class BasisCrossAttention(nn.Module):
    """Cross-attention to mask features F = W z + b that reads the basis z alone.

    Per head, a score is q . (Wk F + bk) = ((Wk W)^T q) . z + a constant over the pixels, which the softmax
    drops. The weights of a softmax add up to 1, so the attended value is Wv W (sum of weight times z) +
    Wv b + bv. Both products move out of the pixels; projections before and after them are composed.

    Args:
        attention: The trained attention.
        features: [W | b], (C, A + 3).
    """

    def __init__(self, attention: Attention, features: Tensor) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.basis_width = features.shape[1] - 1
        weights, biases = attention.in_proj.weight.detach(), attention.in_proj.bias.detach()
        (query, key, value), (query_bias, _, value_bias) = weights.chunk(3), biases.chunk(3)
        heads = range(self.num_heads)
        basis, offset = features[:, :-1], features[:, -1]
        keys = [exact_product(_head(key, h, attention), basis).T for h in heads]
        scale = attention.head_width**-0.5
        self.score_proj = linear_layer(
            torch.cat([exact_product(keys[h], _head(query, h, attention)) for h in heads]) * scale,
            torch.cat([exact_product(keys[h], _head(query_bias, h, attention)) for h in heads]) * scale,
            features.dtype,
        )
        values = exact_product(value, basis)
        out = attention.out_proj.weight.detach()
        columns = [exact_product(_head(out.T, h, attention).T, _head(values, h, attention)) for h in heads]
        constant = exact_product(out, exact_product(value, offset) + value_bias)
        bias = constant + attention.out_proj.bias.detach()
        self.out_proj = linear_layer(torch.cat(columns, dim=1), bias, features.dtype)

    def forward(self, queries_BKC: Tensor, basis_BAP: Tensor) -> Tensor:
        """Attends from queries (B, K, C) to a basis (B, A + 2, P): (B, K, C) without the residual."""
        batch, count, _ = queries_BKC.shape
        kernels = self.score_proj(queries_BKC).reshape(batch, count * self.num_heads, self.basis_width)
        weights = (kernels @ basis_BAP).softmax(-1)
        attended = weights @ basis_BAP.transpose(1, 2)
        merged = attended.reshape(batch, count, self.num_heads * self.basis_width)
        return self.out_proj(merged)  # type: ignore[no-any-return]


def _head(rows: Tensor, head: int, attention: Attention) -> Tensor:
    """Returns the rows of one head: (heads * width, ...) to (width, ...)."""
    return rows[head * attention.head_width : (head + 1) * attention.head_width]
