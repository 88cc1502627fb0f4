"""Hard-mask pooling for 8-bit arithmetic: means go through the weights, areas are multiplied in behind them.

A hard-mask sum is as large as its mask: from one pixel's features to those of a whole image, which no single
scale of 8 bits can cover. A mean is as large as a pixel's features. With a the area of a mask, m = s / a the
mean of its sum s, and linear layers W and G with biases b and g,

    W s + b                = a (W m + b / a)
    G (q * (W s + b)) + g  = a G (q * (W m + b / a)) + g,

so every product with weights takes what has the size of a mean, and the layer norms behind them get what they
always got, epsilon included. An empty mask counts as one of one pixel: its sums are zero either way.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.rapsam.query_update import QueryUpdate

# Legend: B batch, Q queries, C hidden channels, A aggregated channels.


class MeanUpdate(QueryUpdate):
    """A `QueryUpdate` on sums of a basis and of ones, whose linear layers take means.

    Args:
        update: Takes sums of the basis and, last, of ones, times `pixel`.
        pixel: What one pixel adds to the sum of ones.
    """

    def __init__(self, update: QueryUpdate, pixel: float) -> None:
        super().__init__(update.query_gate.in_features)
        self.pixel = pixel
        for name, part in update.named_children():
            setattr(self, name, copy.deepcopy(part))
        self.pooled_bias = _taken_bias(self.pooled_proj)
        self.query_gate_bias = _taken_bias(self.query_gate)
        self.pooled_gate_bias = _taken_bias(self.pooled_gate)

    def forward(self, queries: Tensor, pooled: Tensor) -> Tensor:
        """Updates queries (B, Q, C) by sums (B, Q, A + 3); see `QueryUpdate.forward`."""
        area = pooled[..., -1:].clamp_min(self.pixel)
        mean = self.pooled_proj(pooled / area) + self.pooled_bias / area
        pooled_in, pooled_out = mean.chunk(2, dim=-1)
        query_in, query_out = self.query_proj(queries).chunk(2, dim=-1)
        product = query_in * pooled_in
        query_sum = self.query_gate(product) * area + self.query_gate_bias
        pooled_sum = self.pooled_gate(product) * area + self.pooled_gate_bias
        query_gate = self.query_gate_norm(query_sum).sigmoid()
        pooled_gate = self.pooled_gate_norm(pooled_sum).sigmoid()
        mixed = pooled_gate * self.pooled_norm(pooled_out * area) + query_gate * self.query_norm(query_out)
        return torch.relu(self.out_norm(self.out_proj(mixed)))


def _taken_bias(linear: nn.Linear) -> nn.Parameter:
    """Takes the bias out of a linear layer."""
    bias = linear.bias
    assert bias is not None
    linear.register_parameter("bias", None)
    return bias
