"""Linear layers made of linear layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def linear_layer(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> nn.Linear:
    """Makes a layer (C to N) of a dtype from a weight (N, C) and a bias (N) or None; both are copied."""
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs, bias=bias is not None, dtype=dtype, device=weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def exact_product(left: Tensor, right: Tensor) -> Tensor:
    """Multiplies weights in float64 and leaves them there, so that a chain is rounded once, by its layer."""
    return left.detach().double() @ right.detach().double()
