"""Comparing what an app would show, objects and prompted masks, against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.export.backends.base import Provenance
from rapsam.export.backends.recipes import Gates
from rapsam.export.parity.decisions import (
    FlipCounts,
    at_risk,
    class_gaps,
    content,
    count_flips,
    measure_margins,
    object_distances,
)
from rapsam.export.parity.gates import excuse, under_gate, worst_status
from rapsam.export.parity.ranking import judge_order, order_distances
from rapsam.export.parity.report import DecisionParity, Status, TaskParity
from rapsam.inference.network import PromptLogits
from rapsam.metrics.mask_iou import match_masks
from rapsam.tasks.arrays import Floats, Indices, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.tracker import Clip

MIN_CLASS_AGREEMENT = 0.95
"""Share of the matched queries that must have the class of the reference, and of those with a clear class."""
NO_MASKS = "all masks are empty on both sides"


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


class MaskFigures(NamedTuple):
    """Masks against those of the reference; see `TaskParity`."""

    mask_iou: float
    least_mask_iou: float
    decided: float | None
    rounded: float | None


class _Matched(NamedTuple):
    """Queries in pairs with those of the reference.

    Attributes:
        masks: (n, h, w) bool.
        wanted: (n, h, w) bool, of the reference.
        partners: (n,) queries of the reference.
        agree: (n,) bool, whether both have the same class.
    """

    masks: Masks
    wanted: Masks
    partners: Indices
    agree: Masks


def compare_objects(
    result: Clip, reference: Clip, context: TaskContext, rounded: Sequence[Clip] = ()
) -> TaskParity:
    """Matches queries by mask IoU (Hungarian) and compares the masks and classes of each pair.

    Args:
        result: Of the artifact, one frame.
        reference: Of the network.
        context: What else is known.
        rounded: Of the randomly rounded network; without any, every decision counts.
    """
    problem = not_finite(result.class_logits, result.mask_logits)
    if problem:
        return task_row(context, "objects", "failed", reason=problem)
    ours, *runs = (_match(clip, reference, context.geometry) for clip in (result, *rounded))
    if not ours.partners.size:
        return task_row(context, "objects", "not meaningful", reason=NO_MASKS)
    exact, *others = (content(clip.mask_logits[:, 0], context.geometry) for clip in (reference, *rounded))
    status, figures, reason = judge_masks(
        ours.masks,
        ours.wanted,
        at_risk(exact, others)[ours.partners],
        [_mean_iou(run.masks, run.wanted) for run in runs],
        context.gates.min_mask_iou,
    )
    clear = _clear_classes(reference, rounded)[ours.partners]
    class_status, class_reason = _judge_classes(ours.agree, clear, [run.agree for run in runs])
    return task_row(
        context,
        "objects",
        worst_status((status, class_status)),
        **figures._asdict(),
        class_agreement=float(ours.agree.mean()),
        reason="; ".join(filter(None, (reason, class_reason))),
    )


def compare_prompts(
    result: PromptLogits,
    reference: PromptLogits,
    context: TaskContext,
    rounded: Sequence[PromptLogits] = (),
) -> TaskParity:
    """Computes the IoU of each candidate mask with the reference's, and compares their order.

    Args: as of `compare_objects`.
    """
    problem = not_finite(result.mask_logits, result.iou)
    if problem:
        return task_row(context, "prompt", "failed", reason=problem)
    logits = [content(_flat(each), context.geometry) for each in (reference, result, *rounded)]
    wanted, masks, *runs = (each > 0 for each in logits)
    counts = {
        "segments": int(masks.any(axis=(1, 2)).sum()),
        "reference_segments": int(wanted.any(axis=(1, 2)).sum()),
    }
    if not (masks.any() or wanted.any()):
        return task_row(context, "prompt", "not meaningful", reason=NO_MASKS, **counts)
    rounded_ious = [_mean_iou(run, wanted) for run in runs]
    risky = at_risk(logits[0], logits[2:])
    status, figures, reason = judge_masks(masks, wanted, risky, rounded_ious, context.gates.min_prompt_iou)
    order_status, order_reason = judge_order(result.iou, reference.iou, [run.iou for run in rounded])
    return task_row(
        context,
        "prompt",
        worst_status((status, order_status)),
        **figures._asdict(),
        reason="; ".join(filter(None, (reason, order_reason))),
        **counts,
    )


def _flat(logits: PromptLogits) -> Floats:
    """Returns the mask logits (K * M, h, w) of all candidates."""
    return logits.mask_logits.reshape(-1, *logits.mask_logits.shape[-2:])


def judge_masks(
    masks: Masks, wanted: Masks, risky: Masks, rounded: Sequence[float], gate: float
) -> tuple[Status, MaskFigures, str]:
    """Judges the mean IoU of pairs; one that misses its gate is looked at again without the pixels at risk.

    Args:
        masks: (n, h, w) bool, of the artifact.
        wanted: (n, h, w) bool, their partners of the reference.
        risky: (n, h, w) bool, pixels that the reference hardly decides.
        rounded: Mean IoU of every rounded run of the reference.
        gate: What must be reached.

    Returns:
        Status, figures and the reason.
    """
    mean_iou, least = _mean_iou(masks, wanted), float(_pair_ious(masks, wanted).min(initial=1.0))
    reason = under_gate("mask IoU", mean_iou, gate)
    if not reason:
        return "passed", MaskFigures(mean_iou, least, None, None), ""
    decided = pair_iou(masks, wanted, risky)
    status, reason = excuse(reason, mean_iou, gate, decided, rounded)
    return status, MaskFigures(mean_iou, least, decided, min(rounded, default=None)), reason


def pair_iou(masks: Masks, wanted: Masks, left_out: Masks | None = None) -> float | None:
    """Returns the mean IoU of pairs of masks (n, h, w).

    Args:
        masks: bool.
        wanted: bool, the same shape.
        left_out: bool, pixels of each pair that do not count.

    Returns:
        0..1. Pairs that are empty on both sides agree without proving anything: they do not count, and
        None is given if there is no other.
    """
    ious = _pair_ious(masks, wanted, left_out)
    return float(ious.mean()) if ious.size else None


def _pair_ious(masks: Masks, wanted: Masks, left_out: Masks | None = None) -> npt.NDArray[np.float64]:
    """Returns the IoU of each pair that is not empty on both sides; see `pair_iou`."""
    counted = np.True_ if left_out is None else ~left_out
    inter = (masks & wanted & counted).sum(axis=(1, 2))
    union = ((masks | wanted) & counted).sum(axis=(1, 2))
    filled = union > 0
    return np.asarray(inter[filled] / union[filled], np.float64)


def _mean_iou(masks: Masks, wanted: Masks) -> float:
    """Returns the mean IoU of pairs, 1 if all are empty on both sides."""
    iou = pair_iou(masks, wanted)
    return 1.0 if iou is None else iou


def _match(clip: Clip, reference: Clip, geometry: ImageGeometry) -> _Matched:
    """Pairs queries by their masks; two empty masks do not make a pair."""
    masks, wanted = (content(each.mask_logits[:, 0], geometry) > 0 for each in (clip, reference))
    pairs = match_masks(masks, wanted)
    visible = masks[pairs.first].any(axis=(1, 2)) | wanted[pairs.second].any(axis=(1, 2))
    first, second = pairs.first[visible], pairs.second[visible]
    agree = clip.class_logits.argmax(axis=-1)[first] == reference.class_logits.argmax(axis=-1)[second]
    return _Matched(masks[first], wanted[second], second, np.asarray(agree, np.bool_))


def _judge_classes(agree: Masks, clear: Masks, rounded: Sequence[Masks]) -> tuple[Status, str]:
    """Judges the classes of pairs.

    Args:
        agree: (n,) bool, whether a pair has one class.
        clear: (n,) bool, whether the reference decides it clearly.
        rounded: As `agree`, of every rounded run of the reference.
    """
    if clear.any() and not agree[clear].mean() >= MIN_CLASS_AGREEMENT:
        wrong = int((~agree[clear]).sum())
        return "failed", f"{wrong} of {int(clear.sum())} queries with a clear class have another"
    agreement = float(agree.mean())
    reason = under_gate("class agreement", agreement, MIN_CLASS_AGREEMENT)
    if not reason:
        return "passed", ""
    decided = float(agree[clear].mean()) if clear.any() else None
    shares = [float(run.mean()) if run.size else 1.0 for run in rounded]
    return excuse(reason, agreement, MIN_CLASS_AGREEMENT, decided, shares)


def object_decisions(
    result: Clip, reference: Clip, context: TaskContext, rounded: Sequence[Clip]
) -> list[DecisionParity]:
    """Counts decisions about objects: at risk, flipped, flipped without excuse."""
    if not_finite(result.class_logits, result.mask_logits):
        return []
    exact, ours, *runs = (
        object_distances(clip, reference, context.geometry, context.postprocess)
        for clip in (reference, result, *rounded)
    )
    return decision_rows(context, count_flips(ours, measure_margins(exact, runs)))


def prompt_decisions(
    result: PromptLogits, reference: PromptLogits, context: TaskContext, rounded: Sequence[PromptLogits]
) -> list[DecisionParity]:
    """Counts decisions about pixels of prompted masks, and about the order of several candidates."""
    if not_finite(result.mask_logits, result.iou):
        return []
    exact, ours, *runs = (
        {
            "prompt pixel": content(_flat(each), context.geometry).astype(np.float64),
            "candidate order": order_distances(each.iou),
        }
        for each in (reference, result, *rounded)
    )
    return decision_rows(context, count_flips(ours, measure_margins(exact, runs)))


def decision_rows(context: TaskContext, counts: Mapping[str, FlipCounts]) -> list[DecisionParity]:
    """Makes a row for every kind of decision that occurs."""
    return [
        DecisionParity(
            runtime=context.runtime,
            provenance=context.provenance,
            case=context.case,
            decision=kind,
            **count._asdict(),
        )
        for kind, count in counts.items()
        if count.total
    ]


def _clear_classes(reference: Clip, rounded: Sequence[Clip]) -> Masks:
    classes = reference.class_logits.argmax(axis=-1)
    gaps = [class_gaps(clip.class_logits, classes) for clip in (reference, *rounded)]
    return ~at_risk(gaps[0], gaps[1:])


def not_finite(*arrays: Floats) -> str:
    """Says how many values are NaN or infinite; empty if none is."""
    broken = sum(int(np.count_nonzero(~np.isfinite(array))) for array in arrays)
    return f"{broken:,} values are NaN or infinite" if broken else ""


def task_row(
    context: TaskContext,
    task: str,
    status: Status,
    *,
    mask_iou: float | None = None,
    least_mask_iou: float | None = None,
    class_agreement: float | None = None,
    pq: float | None = None,
    segments: int | None = None,
    reference_segments: int | None = None,
    decided: float | None = None,
    decided_segments: int | None = None,
    rounded: float | None = None,
    reason: str,
) -> TaskParity:
    """Makes the row of a task; see `TaskParity`."""
    return TaskParity(
        runtime=context.runtime,
        provenance=context.provenance,
        task=task,
        case=context.case,
        status=status,
        mask_iou=mask_iou,
        least_mask_iou=least_mask_iou,
        class_agreement=class_agreement,
        pq=pq,
        segments=segments,
        reference_segments=reference_segments,
        decided=decided,
        decided_segments=decided_segments,
        rounded=rounded,
        reason=reason,
    )
