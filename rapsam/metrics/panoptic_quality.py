"""Panoptic quality (Kirillov et al., "Panoptic Segmentation", CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.errors import InputError
from rapsam.tasks.arrays import Ids
from rapsam.tasks.panoptic import INSTANCE_STEP

Counts = npt.NDArray[np.int64]


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
        pq_stuff: PQ over stuff classes.
        per_class: Classes that occur, by index.
    """

    pq: float
    sq: float
    rq: float
    pq_things: float
    pq_stuff: float
    per_class: tuple[ClassQuality, ...]


def panoptic_quality(
    predicted: Sequence[Ids] | Ids, reference: Sequence[Ids] | Ids, num_classes: int, num_things: int
) -> PanopticQuality:
    """Compares panoptic maps.

    Two segments match if they have the same class and an IoU above 0.5. Void pixels of the reference
    do not count into a union; a predicted segment without a partner but mostly on void is forgiven.

    Args:
        predicted: One (h, w) int32 map or several, as `panoptic_segmentation` encodes them: a thing
            class + 1000 * instance, a stuff class its index, void `num_classes`.
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
    iou_sums = np.zeros(num_classes)
    counts = np.zeros((3, num_classes), np.int64)
    for one, other in zip(ours, theirs, strict=True):
        _check_pair(one, other, num_classes)
        _count_pair(one, other, num_classes, iou_sums, counts)
    occurring = np.flatnonzero(counts.sum(axis=0)).tolist()
    found = [_class_quality(index, iou_sums[index], *counts[:, index].tolist()) for index in occurring]
    return PanopticQuality(
        pq=_mean([quality.pq for quality in found]),
        sq=_mean([quality.sq for quality in found]),
        rq=_mean([quality.rq for quality in found]),
        pq_things=_mean([quality.pq for quality in found if quality.class_index < num_things]),
        pq_stuff=_mean([quality.pq for quality in found if quality.class_index >= num_things]),
        per_class=tuple(found),
    )


def _maps(maps: Sequence[Ids] | Ids) -> list[Ids]:
    return [maps] if isinstance(maps, np.ndarray) and maps.ndim == 2 else list(maps)


def _check_pair(predicted: Ids, reference: Ids, num_classes: int) -> None:
    if predicted.ndim != 2 or predicted.shape != reference.shape:
        raise InputError(
            f"predicted map of {list(predicted.shape)} and reference of {list(reference.shape)}; "
            "expected two maps of one size (height, width)"
        )
    for name, values in (("predicted", predicted), ("reference", reference)):
        worst = int((values % INSTANCE_STEP).max(initial=0))
        if worst > num_classes or values.min(initial=0) < 0:
            raise InputError(
                f"{name} map holds class {worst}; expected 0..{num_classes}, void being {num_classes}"
            )


def _count_pair(
    predicted: Ids,
    reference: Ids,
    num_classes: int,
    iou_sums: npt.NDArray[np.float64],
    counts: Counts,
) -> None:
    """Adds the IoU of matches per class, and true positives, false positives, false negatives."""
    our_ids, ours = np.unique(predicted, return_inverse=True)
    their_ids, theirs = np.unique(reference, return_inverse=True)
    shared = np.bincount(
        ours.ravel() * len(their_ids) + theirs.ravel(), minlength=len(our_ids) * len(their_ids)
    )
    shared = shared.reshape(len(our_ids), len(their_ids))
    our_classes, their_classes = our_ids % INSTANCE_STEP, their_ids % INSTANCE_STEP
    our_areas, their_areas = shared.sum(axis=1), shared.sum(axis=0)
    on_void = shared[:, their_classes == num_classes].sum(axis=1)
    union = our_areas[:, None] + their_areas[None] - shared - on_void[:, None]
    alike = (our_classes[:, None] == their_classes[None]) & (our_classes < num_classes)[:, None]
    iou = np.where(alike, shared / np.maximum(union, 1), 0.0)
    rows, columns = np.nonzero(iou > 0.5)
    np.add.at(iou_sums, our_classes[rows], iou[rows, columns])
    np.add.at(counts[0], our_classes[rows], 1)
    alone = our_classes < num_classes
    alone[rows] = False
    alone &= on_void <= our_areas / 2
    missed = their_classes < num_classes
    missed[columns] = False
    np.add.at(counts[1], our_classes[alone], 1)
    np.add.at(counts[2], their_classes[missed], 1)


def _class_quality(index: int, iou_sum: float, matched: int, extra: int, missed: int) -> ClassQuality:
    sq = float(iou_sum) / matched if matched else 0.0
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


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
