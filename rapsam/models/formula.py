"""Values by formula, so that anyone can make them again: for tests, demos and benchmarks."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rapsam.tasks.labels import find_label_set

Float64 = npt.NDArray[np.float64]
_TEXT_WIDTH = 768
# Published names of the data sets whose vocabularies exist.
_CLASSIFIER_KEYS = {
    "coco_panoptic": ("CocoPanopticOVDataset", (133, 17, 768)),
    "ytvis_2019": ("YouTubeVISDataset_2019", (40, 1, 768)),
    "joint": ("Concat_CocoPanopticOVDataset_YouTubeVISDataset_2019", (155, 17, 768)),
}


def formula_normal(key: str, shape: tuple[int, ...]) -> Float64:
    """Draws standard normal values that depend on a name alone."""
    # RandomState's bit stream is frozen by NumPy's compatibility policy: the formula depends on it.
    generator = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF)
    return np.asarray(generator.standard_normal(shape), dtype=np.float64)


def formula_classifier(label_set: str) -> Tensor:
    """Makes unit-length text prototypes (classes, synonyms, 768), float32, for a known label set.

    Args:
        label_set: Name of a label set of the package.
    """
    if label_set in _CLASSIFIER_KEYS:
        key, shape = _CLASSIFIER_KEYS[label_set]
        values = formula_normal("text_classifier." + key, shape) * np.exp(-np.arange(shape[-1]) / 16)
    else:
        # A vocabulary without texts: directions that are nearly at right angles, good to be told apart.
        classes = len(find_label_set(label_set).labels)
        values = formula_normal("text_classifier." + label_set, (classes, 1, _TEXT_WIDTH))
    values /= np.linalg.norm(values, axis=-1, keepdims=True)
    return torch.from_numpy(values.astype(np.float32))
