"""IoU of masks, and the matching of two sets of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from rapsam.errors import InputError
from rapsam.tasks.arrays import Indices, Masks

Ious = npt.NDArray[np.float64]

_CHUNK_PIXELS = 1 << 18


class MatchedMasks(NamedTuple):
    """Pairs of masks, one from each set, in the order of the first set.

    Attributes:
        first: (n,) index into the first set.
        second: (n,) index into the second set.
        ious: (n,) IoU of the pairs, 0..1.
        mean_iou: Sum of the IoUs over the size of the larger set: a mask without a partner counts
            as 0. NaN for two empty sets.
    """

    first: Indices
    second: Indices
    ious: Ious
    mean_iou: float


def mask_iou(first: Masks, second: Masks) -> Ious:
    """Computes intersection over union of every mask with every other.

    Args:
        first: (N, ...) bool.
        second: (M, ...) bool, the same size of masks.

    Returns:
        (N, M) float64; two empty masks are equal and have 1.

    Raises:
        InputError: If the masks are not bool or differ in size.
    """
    if first.dtype != np.bool_ or second.dtype != np.bool_ or first.shape[1:] != second.shape[1:]:
        raise InputError(
            f"masks are {first.dtype} {list(first.shape)} and {second.dtype} {list(second.shape)}; "
            "expected bool masks of one size"
        )
    pixels = math.prod(first.shape[1:])
    one, other = first.reshape(len(first), pixels), second.reshape(len(second), pixels)
    shared = np.zeros((len(one), len(other)))
    # float32 counts exactly within a chunk and lets a fast matrix product do the work.
    for start in range(0, pixels, _CHUNK_PIXELS):
        part = slice(start, start + _CHUNK_PIXELS)
        shared += one[:, part].astype(np.float32) @ other[:, part].astype(np.float32).T
    union = np.count_nonzero(one, axis=1)[:, None] + np.count_nonzero(other, axis=1)[None] - shared
    return np.where(union > 0, shared / np.maximum(union, 1), 1.0)


def paired_iou(first: Masks, second: Masks) -> Ious:
    """Computes intersection over union of each mask with the one at the same place.

    Args:
        first: (K, h, w) bool.
        second: (K, h, w) bool.

    Returns:
        (K,) float64; two empty masks are equal and have 1.
    """
    shared = [np.count_nonzero(one & other) for one, other in zip(first, second, strict=True)]
    united = [np.count_nonzero(one | other) for one, other in zip(first, second, strict=True)]
    union = np.array(united, np.float64)
    return np.where(union > 0, np.array(shared, np.float64) / np.maximum(union, 1), 1.0)


def match_masks(first: Masks, second: Masks) -> MatchedMasks:
    """Pairs two sets of masks so that the sum of the IoUs is as large as possible (Hungarian).

    Args:
        first: (N, ...) bool, as of the queries of one model.
        second: (M, ...) bool.

    Raises:
        InputError: If the masks are not bool or differ in size.
    """
    ious = mask_iou(first, second)
    rows, columns = linear_sum_assignment(ious, maximize=True)
    matched = ious[rows, columns]
    larger = max(len(first), len(second))
    mean = float(matched.sum()) / larger if larger else float("nan")
    return MatchedMasks(np.asarray(rows, np.int64), np.asarray(columns, np.int64), matched, mean)
