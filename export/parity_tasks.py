"""Comparing what an app would show: objects, panoptic maps and prompted masks, against the reference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.export.manifest import UNTRAINED, PostprocessSpec
from rapsam.export.network import PromptLogits
from rapsam.export.parity_report import Provenance, Status, TaskParity
from rapsam.export.recipes import Gates
from rapsam.metrics.mask_iou import mask_iou, match_masks
from rapsam.metrics.panoptic_quality import panoptic_quality
from rapsam.tasks.arrays import Floats
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import PanopticResult, panoptic_segmentation
from rapsam.tasks.prompt import interactive_masks
from rapsam.tasks.tracker import Clip


class TaskContext(NamedTuple):
    """What every comparison of one case needs beside the outputs.

    Attributes:
        runtime: What ran the artifacts.
        provenance: Whether that is a real runtime.
        case: Name of the input.
        geometry: Sizes of the image.
        num_things: Thing classes.
        postprocess: Thresholds.
        gates: What must be reached.
    """

    runtime: str
    provenance: Provenance
    case: str
    geometry: ImageGeometry
    num_things: int
    postprocess: PostprocessSpec
    gates: Gates


def compare_objects(result: Clip, reference: Clip, context: TaskContext) -> TaskParity:
    """Matches queries by mask IoU (Hungarian) and compares the masks and classes of each pair."""
    problem = _not_finite(result.class_logits, result.mask_logits)
    if problem:
        return _row(context, "objects", "failed", reason=problem)
    masks, wanted = result.mask_logits[:, 0] > 0, reference.mask_logits[:, 0] > 0
    if not wanted.any():
        return _row(context, "objects", "not meaningful", reason="all masks of the reference are empty")
    if not masks.any():
        return _row(context, "objects", "failed", mask_iou=0.0, reason="collapsed: all masks are empty")
    pairs = match_masks(masks, wanted)
    # Two empty masks agree without proving anything.
    visible = masks[pairs.first].any(axis=(1, 2)) | wanted[pairs.second].any(axis=(1, 2))
    mean_iou = float(pairs.ious[visible].mean())
    classes, wanted_classes = result.class_logits.argmax(-1), reference.class_logits.argmax(-1)
    agreement = float(np.mean(classes[pairs.first] == wanted_classes[pairs.second]))
    reason = _under("mask IoU", mean_iou, context.gates.min_mask_iou)
    return _row(
        context,
        "objects",
        "failed" if reason else "passed",
        mask_iou=mean_iou,
        class_agreement=agreement,
        reason=reason,
    )


def compare_panoptic(result: Clip, reference: Clip, context: TaskContext) -> TaskParity:
    """Fuses both into panoptic maps and computes the panoptic quality of one against the other."""
    problem = _not_finite(result.class_logits, result.mask_logits)
    if problem:
        return _row(context, "panoptic", "failed", reason=problem)
    ours, wanted = _panoptic(result, context), _panoptic(reference, context)
    note = ""
    if not wanted.segments:
        # Weights that have learnt little are never sure: look again where they give segments.
        context = context._replace(postprocess=UNTRAINED)
        ours, wanted = _panoptic(result, context), _panoptic(reference, context)
        note = f"at thresholds {UNTRAINED.score_threshold}/{UNTRAINED.overlap_threshold}"
    counts = {"segments": len(ours.segments), "reference_segments": len(wanted.segments)}
    if not wanted.segments:
        return _row(context, "panoptic", "not meaningful", reason="the reference has no segment", **counts)
    if not ours.segments:
        return _row(context, "panoptic", "failed", pq=0.0, reason="collapsed: no segment at all", **counts)
    pq = _mutual_pq(ours, wanted, context.num_things)
    reason = _under("PQ", pq, context.gates.min_pq)
    return _row(context, "panoptic", "failed" if reason else "passed", pq=pq, reason=reason or note, **counts)


def compare_prompts(result: PromptLogits, reference: PromptLogits, context: TaskContext) -> TaskParity:
    """Computes the IoU of each prompt's mask with the reference's mask of the same prompt."""
    problem = _not_finite(result.mask_logits, result.iou)
    if problem:
        return _row(context, "prompt", "failed", reason=problem)
    masks = interactive_masks(result.mask_logits, context.geometry)
    wanted = interactive_masks(reference.mask_logits, context.geometry)
    filled = wanted.any(axis=(1, 2))
    counts = {"segments": int(masks.any(axis=(1, 2)).sum()), "reference_segments": int(filled.sum())}
    if not filled.any():
        return _row(
            context, "prompt", "not meaningful", reason="all masks of the reference are empty", **counts
        )
    mean_iou = float(np.diagonal(mask_iou(masks, wanted))[filled].mean())
    reason = _under("mask IoU", mean_iou, context.gates.min_prompt_iou)
    return _row(
        context, "prompt", "failed" if reason else "passed", mask_iou=mean_iou, reason=reason, **counts
    )


def _mutual_pq(ours: PanopticResult, wanted: PanopticResult, num_things: int) -> float:
    """Gives the smaller PQ of both directions.

    PQ forgives what lies on void of its reference, because annotators leave things out. Void of our
    reference is a result like any other, and what is painted there is an error.
    """
    there = panoptic_quality(ours.panoptic_map, wanted.panoptic_map, ours.void, num_things).pq
    back = panoptic_quality(wanted.panoptic_map, ours.panoptic_map, ours.void, num_things).pq
    return min(there, back)


def _panoptic(clip: Clip, context: TaskContext) -> PanopticResult:
    return panoptic_segmentation(
        clip.class_logits,
        clip.mask_logits[:, 0],
        context.geometry,
        context.num_things,
        score_threshold=context.postprocess.score_threshold,
        overlap_threshold=context.postprocess.overlap_threshold,
    )


def _not_finite(*arrays: Floats) -> str:
    broken = sum(int(np.count_nonzero(~np.isfinite(array))) for array in arrays)
    return f"{broken:,} values are NaN or infinite" if broken else ""


def _under(what: str, value: float, gate: float | None) -> str:
    # "not at least" and not "less than": NaN must miss every gate.
    return f"{what} {value:.4f}, gate {gate}" if gate is not None and not value >= gate else ""


def _row(
    context: TaskContext,
    task: str,
    status: Status,
    *,
    mask_iou: float | None = None,
    class_agreement: float | None = None,
    pq: float | None = None,
    segments: int | None = None,
    reference_segments: int | None = None,
    reason: str,
) -> TaskParity:
    return TaskParity(
        runtime=context.runtime,
        provenance=context.provenance,
        task=task,
        case=context.case,
        status=status,
        mask_iou=mask_iou,
        class_agreement=class_agreement,
        pq=pq,
        segments=segments,
        reference_segments=reference_segments,
        reason=reason,
    )
