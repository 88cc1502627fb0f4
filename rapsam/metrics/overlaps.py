"""How many pixels the segments of two id maps share: all that the panoptic metrics need of an image.

The counts of a frame are small, so those of a whole video fit in memory, and a tube of frames is the sum
of its frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from rapsam.errors import InputError
from rapsam.tasks.arrays import Ids, Indices
from rapsam.tasks.panoptic import INSTANCE_STEP

SegmentIds: TypeAlias = npt.NDArray[np.integer]
NO_CROWD: SegmentIds = np.zeros(0, np.int32)
_ID_BITS = 32


class Overlaps(NamedTuple):
    """Pairs of a predicted and a reference segment that share pixels; void counts as a segment.

    Attributes:
        predicted: (P,) ids of the predicted map.
        reference: (P,) ids of the reference map.
        pixels: (P,) how many pixels have both, at least 1.
    """

    predicted: Indices
    reference: Indices
    pixels: Indices


def count_overlaps(predicted: Ids, reference: Ids) -> Overlaps:
    """Counts the pairs of ids of two maps of one image or frame.

    Args:
        predicted: (h, w) int32 class + 1000 * instance, as `panoptic_segmentation` encodes it; an object
            keeps its instance through the frames of a video.
        reference: (h, w) int32 in the same code, as `reference_map` makes it.

    Raises:
        InputError: If the sizes differ or an id is negative.
    """
    if predicted.ndim != 2 or predicted.shape != reference.shape:
        raise InputError(
            f"predicted map of {list(predicted.shape)} and reference of {list(reference.shape)}; "
            "expected two maps of one size (height, width)"
        )
    for name, values in (("predicted", predicted), ("reference", reference)):
        if values.min(initial=0) < 0:
            raise InputError(f"{name} map holds {values.min()}; expected class + 1000 * instance, at least 0")
    pairs = (predicted.astype(np.int64) << _ID_BITS) | reference
    return _overlaps(*np.unique(pairs, return_counts=True))


def sum_overlaps(parts: Sequence[Overlaps]) -> Overlaps:
    """Joins the counts of frames to those of the tubes through them."""
    pairs = [(part.predicted << _ID_BITS) | part.reference for part in parts]
    found, places = np.unique(np.concatenate(pairs), return_inverse=True)
    pixels = np.zeros(len(found), np.int64)
    np.add.at(pixels, places, np.concatenate([part.pixels for part in parts]))
    return _overlaps(found, pixels)


def class_of(ids: Indices) -> Indices:
    """Returns the classes of ids of a map."""
    return ids % INSTANCE_STEP


def check_classes(overlaps: Overlaps, num_classes: int) -> None:
    """Refuses ids of classes that do not exist.

    Raises:
        InputError: If a class is above `num_classes`, which is void.
    """
    for name, ids in (("predicted", overlaps.predicted), ("reference", overlaps.reference)):
        worst = int(class_of(ids).max(initial=0))
        if worst > num_classes:
            raise InputError(
                f"{name} map holds class {worst}; expected 0..{num_classes}, void being {num_classes}"
            )


def _overlaps(pairs: Indices, pixels: Indices) -> Overlaps:
    return Overlaps(pairs >> _ID_BITS, pairs & ((1 << _ID_BITS) - 1), pixels)
