"""Comparing what an app would show, objects and prompted masks, against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rapsam.export.manifest import PostprocessSpec
from rapsam.export.network import PromptLogits
from rapsam.export.parity_decisions import (
    FlipCounts,
    at_risk,
    class_gaps,
    content,
    count_flips,
    measure_margins,
    object_distances,
)
from rapsam.export.parity_report import DecisionParity, Provenance, Status, TaskParity
from rapsam.export.recipes import Gates
from rapsam.metrics.mask_iou import mask_iou, match_masks
from rapsam.tasks.arrays import Floats, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt import interactive_masks
from rapsam.tasks.tracker import Clip

MIN_CLASS_AGREEMENT = 0.95
"""Share of the queries with a decided class that must have the class of the reference."""


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
    masks, wanted = result.mask_logits[:, 0] > 0, reference.mask_logits[:, 0] > 0
    if not wanted.any():
        return task_row(context, "objects", "not meaningful", reason="all masks of the reference are empty")
    if not masks.any():
        return task_row(context, "objects", "failed", mask_iou=0.0, reason="collapsed: all masks are empty")
    pairs = match_masks(masks, wanted)
    # Two empty masks agree without proving anything.
    visible = masks[pairs.first].any(axis=(1, 2)) | wanted[pairs.second].any(axis=(1, 2))
    mean_iou = float(pairs.ious[visible].mean())
    classes = result.class_logits.argmax(-1)[pairs.first]
    agree = classes == reference.class_logits.argmax(-1)[pairs.second]
    clear = _clear_classes(reference, rounded)[pairs.second]
    risky = at_risk(reference.mask_logits[:, 0], [run.mask_logits[:, 0] for run in rounded])[pairs.second]
    status, decided, reason = judge_masks(
        mean_iou, masks[pairs.first], wanted[pairs.second], risky, context.gates.min_mask_iou
    )
    if clear.any() and not agree[clear].mean() >= MIN_CLASS_AGREEMENT:
        wrong = int((~agree[clear]).sum())
        status, reason = "failed", f"{wrong} of {int(clear.sum())} queries with a clear class have another"
    return task_row(
        context,
        "objects",
        status,
        mask_iou=mean_iou,
        class_agreement=float(agree.mean()),
        decided=decided,
        reason=reason,
    )


def compare_prompts(
    result: PromptLogits,
    reference: PromptLogits,
    context: TaskContext,
    rounded: Sequence[PromptLogits] = (),
) -> TaskParity:
    """Computes the IoU of each prompt's mask with the reference's mask of the same prompt.

    Args: as of `compare_objects`.
    """
    problem = not_finite(result.mask_logits, result.iou)
    if problem:
        return task_row(context, "prompt", "failed", reason=problem)
    masks = interactive_masks(result.mask_logits, context.geometry)
    wanted = interactive_masks(reference.mask_logits, context.geometry)
    filled = wanted.any(axis=(1, 2))
    counts = {"segments": int(masks.any(axis=(1, 2)).sum()), "reference_segments": int(filled.sum())}
    if not filled.any():
        return task_row(
            context, "prompt", "not meaningful", reason="all masks of the reference are empty", **counts
        )
    mean_iou = float(np.diagonal(mask_iou(masks, wanted))[filled].mean())
    risky = at_risk(reference.mask_logits, [run.mask_logits for run in rounded])
    status, decided, reason = judge_masks(
        mean_iou,
        result.mask_logits[filled] > 0,
        reference.mask_logits[filled] > 0,
        risky[filled],
        context.gates.min_prompt_iou,
    )
    return task_row(context, "prompt", status, mask_iou=mean_iou, decided=decided, reason=reason, **counts)


def judge_masks(
    mean_iou: float, masks: Masks, wanted: Masks, risky: Masks, gate: float
) -> tuple[Status, float | None, str]:
    """Judges a mean IoU; one that misses its gate is looked at again without the pixels at risk.

    Args:
        mean_iou: Over all pixels.
        masks: (n, h, w) bool, of the artifact.
        wanted: (n, h, w) bool, their partners of the reference.
        risky: (n, h, w) bool, pixels that the reference hardly decides.
        gate: What must be reached.

    Returns:
        Status, mean IoU over the decided pixels (None if the gate is reached or nothing is decided), and
        the reason.
    """
    reason = under_gate("mask IoU", mean_iou, gate)
    if not reason:
        return "passed", None, ""
    decided = decided_iou(masks, wanted, risky)
    if decided is None:
        return "benign", None, f"{reason}, but rounding alone decides every pixel of the masks"
    if not decided >= gate:
        return "failed", decided, f"{reason}; over clear pixels {decided:.4f}"
    return "benign", decided, f"{reason}, but {decided:.4f} over the pixels that rounding does not decide"


def decided_iou(masks: Masks, wanted: Masks, risky: Masks) -> float | None:
    """Gives the mean IoU of pairs (n, h, w) over pixels not at risk; None if there is none to compare."""
    inter = (masks & wanted & ~risky).sum(axis=(1, 2))
    union = ((masks | wanted) & ~risky).sum(axis=(1, 2))
    filled = union > 0
    return float((inter[filled] / union[filled]).mean()) if filled.any() else None


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
    """Counts decisions about pixels of prompted masks."""
    if not_finite(result.mask_logits):
        return []
    exact, ours, *runs = (
        {"prompt pixel": content(each.mask_logits, context.geometry).astype(np.float64)}
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


def under_gate(what: str, value: float, gate: float | None) -> str:
    """Says that a figure misses its gate; empty if it does not."""
    # "not at least" and not "less than": NaN must miss every gate.
    return f"{what} {value:.4f}, gate {gate}" if gate is not None and not value >= gate else ""


def task_row(
    context: TaskContext,
    task: str,
    status: Status,
    *,
    mask_iou: float | None = None,
    class_agreement: float | None = None,
    pq: float | None = None,
    segments: int | None = None,
    reference_segments: int | None = None,
    decided: float | None = None,
    decided_segments: int | None = None,
    rounded_pq: float | None = None,
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
        class_agreement=class_agreement,
        pq=pq,
        segments=segments,
        reference_segments=reference_segments,
        decided=decided,
        decided_segments=decided_segments,
        rounded_pq=rounded_pq,
        reason=reason,
    )
