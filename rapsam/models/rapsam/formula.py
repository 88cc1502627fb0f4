"""Weights that follow a formula, so that anyone can make them again: for tests, demos and benchmarks.

They are not trained: with them the network computes, but does not recognise anything.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rapsam.models.formula import Float64, formula_normal
from rapsam.models.rapsam.checkpoint_map import to_published

_UNIT = ("kernels.weight", "mask_tokens.weight", "pb_embedding.weight")
_LOWERED_BIAS = ("fc_norm.bias", "mask_fcs.1.bias", "cls_fcs.1.bias")
_DECAYING = ("cls_proj.4.weight", "cls_proj.4.bias", "panoptic_cls.0.weight", "panoptic_cls.0.bias")


def formula_state_dict(like: dict[str, Tensor]) -> dict[str, Tensor]:
    """Makes a state dict with the names, shapes and dtypes of `like` and values by formula."""
    return {name: _tensor(to_published(name), tensor) for name, tensor in like.items()}


def _tensor(key: str, like: Tensor) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros_like(like)
    return torch.from_numpy(_values(key, tuple(like.shape)).astype(np.float32)).to(like.dtype)


def _values(key: str, shape: tuple[int, ...]) -> Float64:
    values = _scaled(key, formula_normal(key, shape))
    if key.endswith(_DECAYING):
        decay = np.exp(-np.arange(shape[0]) / 16)
        values = values * decay.reshape(-1, *[1] * (len(shape) - 1))
    return values


def _scaled(key: str, n: Float64) -> Float64:
    if key.endswith("running_mean"):
        return 0.1 * n
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(n)
    if key.endswith(_UNIT):
        return n
    if key.endswith("bias"):
        return 0.02 * n - 1 if key.endswith(_LOWERED_BIAS) else 0.02 * n
    if n.ndim >= 2:
        fan_in = np.prod(n.shape[1:])
        half = 0.5 if key.endswith("neck.loc_conv.weight") else 1.0
        return np.asarray(n * np.sqrt(1 / fan_in) * half, np.float64)
    return 1 + 0.1 * n
