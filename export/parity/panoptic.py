"""Comparing panoptic maps with the reference, over all segments and over those that it decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rapsam.export.parity.decisions import (
    measure_margins,
    object_distances,
    panoptic_candidates,
    undecided_queries,
)
from rapsam.export.parity.gates import excuse, under_gate
from rapsam.export.parity.report import TaskParity
from rapsam.export.parity.tasks import TaskContext, not_finite, task_row
from rapsam.metrics.panoptic_quality import mutual_panoptic_quality
from rapsam.tasks.arrays import Ids, Indices, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import softmax
from rapsam.tasks.mask_fusion import fuse_masks
from rapsam.tasks.panoptic import INSTANCE_STEP, PanopticResult, panoptic_segmentation
from rapsam.tasks.postprocess import LENIENT, PostprocessSpec
from rapsam.tasks.tracker import Clip


def compare_panoptic(
    result: Clip, reference: Clip, context: TaskContext, rounded: Sequence[Clip] = ()
) -> TaskParity:
    """Fuses both into panoptic maps and computes the panoptic quality of one against the other.

    A quality under its gate is computed again without the segments that hang on roundings.

    Args:
        result: Of the artifact, one frame.
        reference: Of the network.
        context: What else is known.
        rounded: Of the randomly rounded network; without any, every segment counts.
    """
    problem = not_finite(result.class_logits, result.mask_logits)
    if problem:
        return task_row(context, "panoptic", "failed", reason=problem)
    note = ""
    in_use = usable_thresholds(reference, context)
    if in_use != context.postprocess:
        note = f"at thresholds {in_use.score_threshold}/{in_use.overlap_threshold}"
    context = context._replace(postprocess=in_use)
    ours, wanted = _panoptic(result, context), _panoptic(reference, context)
    counts = {"segments": len(ours.segments), "reference_segments": len(wanted.segments)}
    if not (ours.segments or wanted.segments):
        return task_row(context, "panoptic", "not meaningful", reason="neither side has a segment", **counts)
    pq = mutual_panoptic_quality(ours.panoptic_map, wanted.panoptic_map, ours.void, context.num_things)
    reason = under_gate("PQ", pq, context.gates.min_pq)
    if not reason:
        return task_row(context, "panoptic", "passed", pq=pq, reason=note, **counts)
    return _judge_again(ours, reference, rounded, context, pq, reason)


def usable_thresholds(reference: Clip, context: TaskContext) -> PostprocessSpec:
    """Returns the bundle's thresholds, or lower ones where the reference has no segment with them.

    Weights that have learnt little are never sure: they are looked at where they give segments.
    """
    return context.postprocess if _panoptic(reference, context).segments else LENIENT


def _judge_again(
    ours: PanopticResult,
    reference: Clip,
    rounded: Sequence[Clip],
    context: TaskContext,
    pq: float,
    reason: str,
) -> TaskParity:
    """Judges what misses its gate by the segments that the reference decides."""
    wanted, runs = _panoptic(reference, context), [_panoptic(run, context) for run in rounded]
    region = _undecided_region(reference, rounded, wanted, runs, context)
    left, kept = (_decided_map(each, region) for each in (ours, wanted))
    kept_segments = len(np.setdiff1d(kept, wanted.void))
    rounded_pqs = [
        mutual_panoptic_quality(run.panoptic_map, wanted.panoptic_map, run.void, context.num_things)
        for run in runs
    ]
    decided = None
    if kept_segments or (left != ours.void).any():
        decided = mutual_panoptic_quality(left, kept, ours.void, context.num_things)
    status, reason = excuse(reason, pq, context.gates.min_pq, decided, rounded_pqs)
    return task_row(
        context,
        "panoptic",
        status,
        pq=pq,
        decided=decided,
        decided_segments=kept_segments,
        rounded=min(rounded_pqs, default=None),
        segments=len(ours.segments),
        reference_segments=len(wanted.segments),
        reason=f"{reason}; {kept_segments} of {len(wanted.segments)} segments are decided",
    )


def _undecided_region(
    reference: Clip,
    rounded: Sequence[Clip],
    wanted: PanopticResult,
    runs: Sequence[PanopticResult],
    context: TaskContext,
) -> Masks:
    """Finds the pixels (h0, w0) that an undecided query may win, or that a rounded run paints otherwise.

    Nothing of this depends on the artifact.
    """
    distances = [
        object_distances(clip, reference, context.geometry, context.postprocess)
        for clip in (reference, *rounded)
    ]
    score_threshold = context.postprocess.score_threshold
    undecided = undecided_queries(reference, measure_margins(distances[0], distances[1:]), score_threshold)
    _, kept = panoptic_candidates(reference, score_threshold)
    fusion = np.union1d(kept, np.flatnonzero(undecided))
    region = np.zeros(context.geometry.original_size, np.bool_)
    if undecided.any():
        for clip in (reference, *rounded):
            region |= undecided[fusion][_winners(clip, fusion, context.geometry)]
    painted = _by_query(wanted)
    for run in runs:
        region |= _by_query(run) != painted
    return region


def _winners(clip: Clip, fusion: Indices, geometry: ImageGeometry) -> Ids:
    """Assigns to every pixel (h0, w0) the place, within the fusion, of the query that wins it."""
    scores = softmax(clip.class_logits)[fusion, :-1].max(axis=1)
    return fuse_masks(clip.mask_logits[fusion, 0], scores, geometry).winners


def _by_query(result: PanopticResult) -> Ids:
    """Numbers things by query: their instance numbers change as soon as one of them disappears."""
    labels = result.panoptic_map.copy()
    for segment in result.segments:
        if segment.is_thing:
            labels[result.panoptic_map == segment.id] = segment.class_index + INSTANCE_STEP * (
                segment.query + 1
            )
    return labels


def _decided_map(result: PanopticResult, region: Masks) -> Ids:
    """Voids a region, and all of every segment that has more than half of its area in it."""
    ids, places = np.unique(result.panoptic_map, return_inverse=True)
    areas = np.bincount(places.ravel())
    inside = np.bincount(places.ravel(), weights=region.ravel())
    ids[inside > areas / 2] = result.void
    return np.where(region, result.void, ids[places.reshape(region.shape)]).astype(np.int32)


def _panoptic(clip: Clip, context: TaskContext) -> PanopticResult:
    return panoptic_segmentation(
        clip.class_logits,
        clip.mask_logits[:, 0],
        context.geometry,
        context.num_things,
        score_threshold=context.postprocess.score_threshold,
        overlap_threshold=context.postprocess.overlap_threshold,
    )
