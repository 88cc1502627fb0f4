"""Weights that follow a formula, so that anyone can make them again: for tests, demos and benchmarks.

They are not trained: with them the network computes, but does not recognise anything.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rapsam.models.rapsam.checkpoint_map import to_published
from rapsam.tasks.labels import find_label_set

Float64 = npt.NDArray[np.float64]
_UNIT = ("kernels.weight", "mask_tokens.weight", "pb_embedding.weight")
_LOWERED_BIAS = ("fc_norm.bias", "mask_fcs.1.bias", "cls_fcs.1.bias")
_DECAYING = ("cls_proj.4.weight", "cls_proj.4.bias", "panoptic_cls.0.weight", "panoptic_cls.0.bias")
_TEXT_WIDTH = 768
# Published names of the data sets whose vocabularies exist.
_CLASSIFIER_KEYS = {
    "coco_panoptic": ("CocoPanopticOVDataset", (133, 17, 768)),
    "ytvis_2019": ("YouTubeVISDataset_2019", (40, 1, 768)),
    "joint": ("Concat_CocoPanopticOVDataset_YouTubeVISDataset_2019", (155, 17, 768)),
}


def formula_state_dict(like: dict[str, Tensor]) -> dict[str, Tensor]:
    """Makes a state dict with the names, shapes and dtypes of `like` and values by formula."""
    return {name: _tensor(to_published(name), tensor) for name, tensor in like.items()}


def formula_classifier(label_set: str) -> Tensor:
    """Makes unit-length text prototypes (classes, synonyms, 768), float32, for a known label set.

    Args:
        label_set: Name of a label set of the package.
    """
    if label_set in _CLASSIFIER_KEYS:
        key, shape = _CLASSIFIER_KEYS[label_set]
        values = _normal("text_classifier." + key, shape) * np.exp(-np.arange(shape[-1]) / 16)
    else:
        # A vocabulary without texts: directions that are nearly at right angles, good to be told apart.
        classes = len(find_label_set(label_set).labels)
        values = _normal("text_classifier." + label_set, (classes, 1, _TEXT_WIDTH))
    values /= np.linalg.norm(values, axis=-1, keepdims=True)
    return torch.from_numpy(values.astype(np.float32))


def _tensor(key: str, like: Tensor) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros_like(like)
    return torch.from_numpy(_values(key, tuple(like.shape)).astype(np.float32)).to(like.dtype)


def _values(key: str, shape: tuple[int, ...]) -> Float64:
    values = _scaled(key, _normal(key, shape))
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


def _normal(key: str, shape: tuple[int, ...]) -> Float64:
    # RandomState's bit stream is frozen by NumPy's compatibility policy: the formula depends on it.
    generator = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF)
    return np.asarray(generator.standard_normal(shape), dtype=np.float64)
