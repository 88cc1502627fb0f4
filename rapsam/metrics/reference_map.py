"""The id map of a reference, made from masks."""

from __future__ import annotations

import numpy as np

from rapsam.tasks.arrays import Ids, Indices, Masks
from rapsam.tasks.panoptic import INSTANCE_STEP


def reference_ids(classes: Indices) -> Ids:
    """Numbers every segment of a reference, stuff too: class + 1000 * (place + 1).

    Args:
        classes: (N,) class indices, below 1000.

    Returns:
        (N,) int32; those of crowd regions are the `crowd` argument of the panoptic accumulators.
    """
    return np.asarray(classes + INSTANCE_STEP * (1 + np.arange(len(classes))), np.int32)


def reference_map(masks: Masks, classes: Indices, num_classes: int) -> Ids:
    """Paints the segments of an image or of the frames of a video, each with its id.

    Args:
        masks: (N, ..., h, w) bool; where masks overlap, the last one has the pixel.
        classes: (N,) class indices.
        num_classes: K, the value of the pixels in no mask, which are void.

    Returns:
        (..., h, w) int32.
    """
    painted = np.full(masks.shape[1:], num_classes, np.int32)
    for mask, value in zip(masks, reference_ids(classes), strict=True):
        painted[mask] = value
    return painted
