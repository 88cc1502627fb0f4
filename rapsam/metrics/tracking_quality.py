"""Segmentation and tracking quality (STQ), from its parts AQ and SQ.

Weber et al., "STEP: Segmenting and Tracking Every Pixel", NeurIPS 2021, definition of the STQ metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.metrics.accumulator import Count, Sum
from rapsam.metrics.means import mean_of_known
from rapsam.metrics.overlaps import (
    NO_CROWD,
    Overlaps,
    SegmentIds,
    check_classes,
    class_of,
    sum_overlaps,
)
from rapsam.metrics.semantic_iou import ConfusionMatrix, SemanticAccumulator
from rapsam.tasks.arrays import Indices


class TrackingQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Segmentation and tracking quality, each 0..1, NaN where nothing was compared.

    Attributes:
        stq: Geometric mean of the two below.
        association_quality: AQ: how well the pixels of an object keep one id, whatever its class.
        segmentation_quality: SQ: mean IoU of the classes, predicted void being one.
    """

    stq: float
    association_quality: float
    segmentation_quality: float


class TrackingCounts(msgspec.Struct, frozen=True, kw_only=True):
    """State of a `TrackingAccumulator`.

    Attributes:
        association_sum: Sum of the association qualities of the reference objects.
        objects: Number of reference objects.
        confusion: Of the classes of pixels.
    """

    association_sum: Sum
    objects: Count
    confusion: ConfusionMatrix


class TrackingAccumulator:
    """STQ over videos; see `Accumulator`.

    AQ is the mean over the objects g of the reference of

        1/|g| * sum over predicted ids p of |p and g| * |p and g| / |p or g|

    where p and g are the pixels of all frames with this id. Predicted pixels of stuff have no id. Pixels
    on crowd regions do not count to p, those on void do, as in the published program. SQ is the mean
    over the classes that occur. Void is one of them, with IoU 0, if it is predicted on labelled pixels: the
    published program counts it so.

    Args:
        num_classes: K.
        num_things: The first classes that are things.
    """

    def __init__(self, num_classes: int, num_things: int) -> None:
        self._num_classes, self._num_things = num_classes, num_things
        self._association_sum = 0.0
        self._objects = 0
        self._semantic = SemanticAccumulator(num_classes)

    def add(self, video: Sequence[Overlaps], crowd: SegmentIds = NO_CROWD) -> None:
        """Takes a video.

        Args:
            video: `count_overlaps` of every frame, at least one; an object has one id in all frames.
            crowd: Ids of the reference that are crowd regions.

        Raises:
            InputError: If a class is unknown.
        """
        overlaps = sum_overlaps(video)
        check_classes(overlaps, self._num_classes)
        qualities = _association_qualities(overlaps, crowd, self._num_things)
        self._association_sum += float(qualities.sum())
        self._objects += len(qualities)
        self._semantic.add_overlaps(overlaps)

    def result(self) -> TrackingQuality:
        """Computes the quality of all videos together."""
        association = self._association_sum / self._objects if self._objects else float("nan")
        ious = [entry.iou for entry in self._semantic.result().per_class]
        segmentation = mean_of_known([*ious, *([0.0] if self._semantic.missed_as_void else [])])
        return TrackingQuality(
            stq=math.sqrt(association * segmentation),
            association_quality=association,
            segmentation_quality=segmentation,
        )

    def state(self) -> TrackingCounts:
        """Returns the counts."""
        return TrackingCounts(
            association_sum=self._association_sum, objects=self._objects, confusion=self._semantic.state()
        )

    def merge(self, state: TrackingCounts) -> None:
        """Adds counts of another accumulator; see `Accumulator`."""
        self._semantic.merge(state.confusion)
        self._association_sum += state.association_sum
        self._objects += state.objects


def _association_qualities(overlaps: Overlaps, crowd: SegmentIds, num_things: int) -> npt.NDArray[np.float64]:
    """Computes AQ of every object of a video that is not a crowd region."""
    on_crowd = np.isin(overlaps.reference, crowd)
    has_track = (class_of(overlaps.predicted) < num_things) & ~on_crowd
    has_object = (class_of(overlaps.reference) < num_things) & ~on_crowd
    _, tracks = np.unique(overlaps.predicted, return_inverse=True)
    _, objects = np.unique(overlaps.reference, return_inverse=True)
    track_areas = _areas(tracks, overlaps.pixels, has_track)
    object_areas = _areas(objects, overlaps.pixels, has_object)
    both = has_track & has_object
    shared, of_track, of_object = overlaps.pixels[both], tracks[both], objects[both]
    iou = shared / (track_areas[of_track] + object_areas[of_object] - shared)
    qualities = np.zeros(len(object_areas))
    np.add.at(qualities, of_object, shared * iou / object_areas[of_object])
    return qualities[object_areas > 0]


def _areas(places: Indices, pixels: Indices, counted: npt.NDArray[np.bool_]) -> Indices:
    areas = np.zeros(places.max(initial=-1) + 1, np.int64)
    np.add.at(areas, places[counted], pixels[counted])
    return areas
