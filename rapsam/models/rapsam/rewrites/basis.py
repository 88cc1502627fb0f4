"""Mask features in the basis that they are made from.

The neck's last layer is F = W z + b, with z the aggregated map and two coordinate maps: A + 2 channels (130)
where F has C (256). Everything that touches pixels is linear in F, so F itself is never made:

- a mask logit is k . F = (W^T k) . z + b . k,
- a sum of F over a mask is W (sum of z) + b (number of pixels).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.rapsam.neck import PyramidNeck
from rapsam.models.rapsam.query_update import QueryUpdate
from rapsam.models.rapsam.rewrites.linear import exact_product, linear_layer

# Legend: B batch, Q queries, C hidden channels, A aggregated channels, P pixels.


def feature_matrix(neck: PyramidNeck) -> Tensor:
    """Returns [W | b], (C, A + 3): mask features from basis channels and, last, a channel of ones."""
    weight = neck.feature_conv.weight.detach().flatten(1)
    assert neck.feature_conv.bias is not None
    return torch.cat([weight, neck.feature_conv.bias.detach()[:, None]], dim=1)


def basis_kernel(kernel: nn.Linear | None, features: Tensor) -> nn.Linear:
    """Maps what makes mask kernels (to C channels; None for the queries themselves) to A + 3 channels."""
    if kernel is None:
        return linear_layer(features.T, None, features.dtype)
    bias = exact_product(kernel.bias, features)
    return linear_layer(exact_product(features.T, kernel.weight), bias, features.dtype)


def basis_update(update: QueryUpdate, features: Tensor) -> QueryUpdate:
    """Copies an update so that it takes sums of basis channels and of ones (A + 3) instead of C channels."""
    changed = copy.deepcopy(update)
    proj = update.pooled_proj
    changed.pooled_proj = linear_layer(exact_product(proj.weight, features), proj.bias, features.dtype)
    return changed


class BasisMaskProduct(nn.Module):
    """Mask logits from kernels in the basis."""

    def forward(self, kernels_BQA: Tensor, basis_BAP: Tensor) -> Tensor:
        """Multiplies kernels (B, Q, A + 3) with a basis (B, A + 2, P) to (B, Q, P).

        The last channel of the kernels belongs to ones: a channel of them would be a copy of all others.
        """
        return kernels_BQA[..., :-1] @ basis_BAP + kernels_BQA[..., -1:]


class BasisPool(nn.Module):
    """Hard-mask sums of a basis and of ones, times a scale; see `rapsam.models.rapsam.query_update`."""

    ones: Tensor

    def __init__(self, num_pixels: int, scale: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("ones", torch.ones(1, num_pixels, dtype=dtype))

    def forward(self, basis_BAP: Tensor, mask_logits_BQP: Tensor) -> Tensor:
        """Pools (B, A + 2, P) under (B, Q, P) to (B, Q, A + 3)."""
        # Scaling the mask and not the sum keeps every partial sum within the range of fp16.
        mask = (mask_logits_BQP > 0).to(basis_BAP.dtype) * self.scale
        area = nn.functional.linear(mask, self.ones)
        return torch.cat([mask @ basis_BAP.transpose(1, 2), area], dim=-1)
