"""Weights that follow a formula, so that anyone can make them again: for tests, demos and benchmarks.

They are not trained: with them the network computes, but does not recognise anything.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rapsam.models.formula import Float64, formula_normal
from rapsam.models.sam.checkpoint_map import to_published

_UNIT = ("point_embeddings.", "not_a_point_embed.", "no_mask_embed.", "iou_token.", "mask_tokens.")
# By their last part: factors of what would else be too weak to matter.
_SCALED = {"pos_embed": 0.2, "attention_biases": 0.5, "bias": 0.02}
# The branches of depthwise convolutions are added up in every block: they must not grow over fifty of them.
_DAMPED, _DAMPING = ".token_mixer.0.", 0.3


def formula_state_dict(like: dict[str, Tensor]) -> dict[str, Tensor]:
    """Makes a state dict with the names, shapes and dtypes of `like` and values by formula, on the CPU."""
    return {name: _tensor(to_published(name), tensor) for name, tensor in like.items()}


def _tensor(key: str, like: Tensor) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros(like.shape, dtype=like.dtype)
    return torch.from_numpy(_values(key, tuple(like.shape)).astype(np.float32)).to(like.dtype)


def _values(key: str, shape: tuple[int, ...]) -> Float64:
    n = formula_normal(key, shape)
    if key.endswith("running_mean"):
        return 0.1 * n
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(n)
    if key.endswith("positional_encoding_gaussian_matrix") or any(part in key for part in _UNIT):
        return n
    for ending, factor in _SCALED.items():
        if key.endswith(ending):
            return factor * n
    if n.ndim >= 2:
        damping = _DAMPING if _DAMPED in key else 1.0
        return np.asarray(n * np.sqrt(1 / np.prod(shape[1:])) * damping, np.float64)
    return 1 + 0.1 * n
