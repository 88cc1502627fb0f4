"""Panoptic quality (Kirillov et al., "Panoptic Segmentation", CVPR 2019, section 4.2 "PQ Computation")."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from rapsam.errors import InputError
from rapsam.metrics.accumulator import Count, Sum, check_state
from rapsam.metrics.means import mean_of_known
from rapsam.metrics.overlaps import NO_CROWD, Overlaps, SegmentIds, check_classes, count_overlaps
from rapsam.metrics.segment_matching import match_segments
from rapsam.tasks.arrays import Ids


class ClassQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of one class that occurs in a prediction or a reference.

    Attributes:
        class_index: 0..K-1.
        pq: Panoptic quality, sq * rq.
        sq: Segmentation quality: mean IoU of the matched segments, 0 if there is none.
        rq: Recognition quality: F1 score of the segments.
        true_positives: Matched pairs.
        false_positives: Predicted segments without a partner.
        false_negatives: Reference segments without a partner.
    """

    class_index: int
    pq: float
    sq: float
    rq: float
    true_positives: int
    false_positives: int
    false_negatives: int


class PanopticQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the classes that occur; NaN where none does, as nothing was compared then.

    Attributes:
        pq: Panoptic quality, 0..1.
        sq: Segmentation quality.
        rq: Recognition quality.
        pq_things: PQ over thing classes.
        sq_things: SQ over thing classes.
        rq_things: RQ over thing classes.
        pq_stuff: PQ over stuff classes.
        sq_stuff: SQ over stuff classes.
        rq_stuff: RQ over stuff classes.
        per_class: Classes that occur, by index.
    """

    pq: float
    sq: float
    rq: float
    pq_things: float
    sq_things: float
    rq_things: float
    pq_stuff: float
    sq_stuff: float
    rq_stuff: float
    per_class: tuple[ClassQuality, ...]


class SegmentCounts(msgspec.Struct, frozen=True, kw_only=True):
    """State of a `PanopticAccumulator`, each field one entry per class.

    Attributes:
        iou_sums: Sum of the IoUs of the matched segments.
        true_positives: Matched pairs.
        false_positives: Predicted segments without a partner.
        false_negatives: Reference segments without a partner.
    """

    iou_sums: tuple[Sum, ...]
    true_positives: tuple[Count, ...]
    false_positives: tuple[Count, ...]
    false_negatives: tuple[Count, ...]


class PanopticAccumulator:
    """Panoptic quality over images; see `Accumulator`.

    Args:
        num_classes: K.
        num_things: The first classes that are things.
    """

    def __init__(self, num_classes: int, num_things: int) -> None:
        self._num_classes, self._num_things = num_classes, num_things
        self._iou_sums = np.zeros(num_classes)
        self._counts = np.zeros((3, num_classes), np.int64)

    def add(self, predicted: Ids, reference: Ids, crowd: SegmentIds = NO_CROWD) -> None:
        """Takes an image.

        Args:
            predicted: (h, w) int32, as `panoptic_segmentation` encodes it: a thing class + 1000 *
                instance, a stuff class its index, void `num_classes`.
            reference: (h, w) int32 in the same code, as `reference_map` makes it; stuff may have
                instances too, which are segments of their own.
            crowd: Ids of the reference that are crowd regions.

        Raises:
            InputError: If the sizes of the maps differ, or a class is unknown.
        """
        self.add_overlaps(count_overlaps(predicted, reference), crowd)

    def add_overlaps(self, overlaps: Overlaps, crowd: SegmentIds = NO_CROWD) -> None:
        """Takes the pixels that the segments of an image, or the tubes of some frames, share.

        Raises:
            InputError: If a class is unknown.
        """
        check_classes(overlaps, self._num_classes)
        matches = match_segments(overlaps, crowd, void=self._num_classes)
        np.add.at(self._iou_sums, matches.classes, matches.ious)
        judged = (matches.classes, matches.false_positives, matches.false_negatives)
        for counts, classes in zip(self._counts, judged, strict=True):
            counts += np.bincount(classes, minlength=self._num_classes)

    def result(self) -> PanopticQuality:
        """Computes the quality of all images together."""
        occurring = np.flatnonzero(self._counts.any(axis=0)).tolist()
        found = tuple(self._class_quality(index) for index in occurring)
        things = [quality for quality in found if quality.class_index < self._num_things]
        stuff = [quality for quality in found if quality.class_index >= self._num_things]
        return PanopticQuality(
            pq=mean_of_known([quality.pq for quality in found]),
            sq=mean_of_known([quality.sq for quality in found]),
            rq=mean_of_known([quality.rq for quality in found]),
            pq_things=mean_of_known([quality.pq for quality in things]),
            sq_things=mean_of_known([quality.sq for quality in things]),
            rq_things=mean_of_known([quality.rq for quality in things]),
            pq_stuff=mean_of_known([quality.pq for quality in stuff]),
            sq_stuff=mean_of_known([quality.sq for quality in stuff]),
            rq_stuff=mean_of_known([quality.rq for quality in stuff]),
            per_class=found,
        )

    def state(self) -> SegmentCounts:
        """Returns the counts."""
        true, extra, missed = (tuple(row) for row in self._counts.tolist())
        return SegmentCounts(
            iou_sums=tuple(self._iou_sums.tolist()),
            true_positives=true,
            false_positives=extra,
            false_negatives=missed,
        )

    def merge(self, state: SegmentCounts) -> None:
        """Adds counts of another accumulator; see `Accumulator`."""
        parts = (state.iou_sums, state.true_positives, state.false_positives, state.false_negatives)
        for part in parts:
            check_state("classes", len(part), self._num_classes)
        self._iou_sums += state.iou_sums
        self._counts += np.array(parts[1:], np.int64)

    def _class_quality(self, index: int) -> ClassQuality:
        matched, extra, missed = self._counts[:, index].tolist()
        sq = float(self._iou_sums[index]) / matched if matched else 0.0
        rq = matched / (matched + extra / 2 + missed / 2)
        return ClassQuality(
            class_index=index,
            pq=sq * rq,
            sq=sq,
            rq=rq,
            true_positives=matched,
            false_positives=extra,
            false_negatives=missed,
        )


def panoptic_quality(
    predicted: Sequence[Ids] | Ids, reference: Sequence[Ids] | Ids, num_classes: int, num_things: int
) -> PanopticQuality:
    """Compares panoptic maps that are all in memory.

    Args:
        predicted: One (h, w) int32 map or several, as `PanopticAccumulator.add` takes them.
        reference: As many maps of the same sizes.
        num_classes: K.
        num_things: The first classes that are things.

    Returns:
        Quality over all pairs together, overall and per class.

    Raises:
        InputError: If numbers or sizes of the maps differ, or a class is unknown.
    """
    ours, theirs = _maps(predicted), _maps(reference)
    if len(ours) != len(theirs):
        raise InputError(f"{len(ours)} predicted and {len(theirs)} reference maps; expected pairs")
    accumulator = PanopticAccumulator(num_classes, num_things)
    for one, other in zip(ours, theirs, strict=True):
        accumulator.add(one, other)
    return accumulator.result()


def mutual_panoptic_quality(ours: Ids, wanted: Ids, void: int, num_things: int) -> float:
    """Compares two results; returns the smaller PQ of both directions.

    PQ forgives what lies on void of its reference, because annotators leave things out. Void of a result is a
    result like any other, and what the other side paints there is an error.

    Args:
        ours: (h, w) int32, one result.
        wanted: (h, w) int32, the other.
        void: Value of pixels without a segment, the number of classes.
        num_things: The first classes that are things.

    Returns:
        0..1; 0 if just one side has segments, 1 if none has.
    """
    one, other = (ours != void).any(), (wanted != void).any()
    if not (one and other):
        return float(one == other)
    there = panoptic_quality(ours, wanted, void, num_things).pq
    back = panoptic_quality(wanted, ours, void, num_things).pq
    return min(there, back)


def _maps(maps: Sequence[Ids] | Ids) -> list[Ids]:
    return [maps] if isinstance(maps, np.ndarray) and maps.ndim == 2 else list(maps)
