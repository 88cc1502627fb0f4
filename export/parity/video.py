"""A clip, tracked: does the artifact keep to the reference's objects from frame to frame?

Both sides run frame by frame with the near-online tracker. Query i of the artifact is query i of the
reference, as both have learnt the same queries; so the step from one frame to the next can be compared
exactly: which query goes on as which. A step that differs is an identity switch. It is counted once, in the
frame where it happens: later frames only inherit it.

A step is found by Hungarian matching of query embeddings. The artifact's matching differs from the
reference's in cycles of queries; a cycle is benign if, by the reference's own costs, it is dearer than the
best matching by no more than rounding moves such a sum, or if a rounded reference takes the same step.

Masks are judged per query, whatever the tracks. Tracks are worse than that only by switches: where they miss
the gate, ties excuse it, and a single switch without a tie does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.export.backends.base import Provenance
from rapsam.export.parity.decisions import MARGIN, at_risk, content
from rapsam.export.parity.gates import excuse, under_gate, worst_status
from rapsam.export.parity.report import Status, VideoParity
from rapsam.export.parity.tasks import NO_MASKS, not_finite, pair_iou
from rapsam.inference.network import Network
from rapsam.metrics.mask_iou import match_masks
from rapsam.tasks.arrays import Floats, Indices, Masks, Pixels
from rapsam.tasks.tracker import Clip, NearOnlineTracker, match_queries

MAX_ERRORS = 0.02
"""Share of the steps that may switch without a tie: rounded runs are samples, and miss what is rare."""

Costs = npt.NDArray[np.float64]
Ious = list[float | None]


class Steps(NamedTuple):
    """Identity over a clip.

    Attributes:
        transitions: Steps of all queries.
        switches: Steps that differ from the reference's.
        benign: Those among them that rounding explains.
    """

    transitions: int
    switches: int
    benign: int


def run_clip(network: Network, frames: Sequence[Pixels]) -> tuple[Clip, ...]:
    """Finds objects in every frame by itself, in the order of the network's own queries, without padding."""
    clips = []
    for frame in frames:
        fitted, geometry = network.fit(frame)
        clip = network.detect(np.rint(fitted))
        clips.append(clip._replace(mask_logits=content(clip.mask_logits, geometry)))
    return tuple(clips)


def compare_videos(
    result: Sequence[Clip],
    reference: Sequence[Clip],
    rounded: Sequence[Sequence[Clip]],
    *,
    clip: str,
    runtime: str,
    provenance: Provenance,
    min_mask_iou: float,
) -> VideoParity:
    """Compares tracks and identities over a clip.

    Args:
        result: Of the artifact, one entry per frame; see `run_clip`.
        reference: Of the network.
        rounded: Of the randomly rounded network, one clip per run.
        clip: Name of the clip.
        runtime: What ran the artifact.
        provenance: Whether that is a real runtime.
        min_mask_iou: What the mean over all frames must reach.
    """
    problem = not_finite(*(array for frame in result for array in frame))
    if problem:
        return VideoParity(runtime=runtime, provenance=provenance, clip=clip, status="failed", reason=problem)
    steps = compare_steps(
        [frame.queries for frame in result],
        [frame.queries for frame in reference],
        [[frame.queries for frame in run] for run in rounded],
    )
    tubes, queries = _tube_ious(result, reference), _query_ious(result, reference)
    decided = _query_ious(result, reference, _risky(reference, rounded))
    means = [_mean(_query_ious(run, reference)) for run in rounded]
    rounded_ious = [1.0 if mean is None else mean for mean in means]
    mask_status, mask_reason = _judge_masks(queries, decided, rounded_ious, min_mask_iou)
    track_status, track_reason = _judge_tracks(steps, tubes, min_mask_iou)
    return VideoParity(
        runtime=runtime,
        provenance=provenance,
        clip=clip,
        status=worst_status((mask_status, track_status)),
        frame_ious=tuple(tubes),
        query_ious=tuple(queries),
        decided_ious=tuple(decided),
        rounded_iou=min(rounded_ious, default=None),
        transitions=steps.transitions,
        switches=steps.switches,
        benign=steps.benign,
        reason="; ".join(filter(None, (track_reason, mask_reason))),
    )


def compare_steps(
    result: Sequence[Floats], reference: Sequence[Floats], rounded: Sequence[Sequence[Floats]]
) -> Steps:
    """Compares how queries go on from frame to frame.

    Args:
        result: Query embeddings (N, C) of every frame, in the network's order.
        reference: The same of the reference.
        rounded: The same of every rounded run.
    """
    transitions = switches = benign = 0
    for frame in range(1, len(reference)):
        ours, wanted = (match_queries(side[frame - 1], side[frame]) for side in (result, reference))
        runs = [match_queries(run[frame - 1], run[frame]) for run in rounded]
        cost = _costs(reference[frame - 1], reference[frame])
        costs = [_costs(run[frame - 1], run[frame]) for run in rounded]
        transitions += len(wanted)
        for cycle in _cycles(ours, wanted):
            switches += len(cycle)
            same_as_a_run = any((ours[cycle] == run[cycle]).all() for run in runs)
            if same_as_a_run or _is_tie(cycle, ours, wanted, cost, costs):
                benign += len(cycle)
    return Steps(transitions, switches, benign)


def _cycles(ours: Indices, wanted: Indices) -> list[Indices]:
    """Splits the queries that go on differently into groups that exchange their continuations."""
    takes_over = np.argsort(ours)[wanted]
    left = set(np.flatnonzero(ours != wanted).tolist())
    cycles = []
    while left:
        query, cycle = min(left), []
        while query in left:
            left.remove(query)
            cycle.append(query)
            query = int(takes_over[query])
        cycles.append(np.array(cycle, np.int64))
    return cycles


def _is_tie(cycle: Indices, ours: Indices, wanted: Indices, cost: Costs, rounded: Sequence[Costs]) -> bool:
    """Whether a cycle is dearer than the best matching by no more than rounding moves that difference.

    The noise of a cost is the larger of its row's and its column's root mean square over the runs: a query
    that moves, moves against all others.
    """
    dearer = cost[cycle, ours[cycle]].sum() - cost[cycle, wanted[cycle]].sum()
    power = sum(((costs - cost) ** 2 for costs in rounded), np.zeros_like(cost)) / max(1, len(rounded))
    noise = np.maximum(power.mean(axis=1)[:, None], power.mean(axis=0)[None])
    total = noise[cycle, ours[cycle]].sum() + noise[cycle, wanted[cycle]].sum()
    return bool(dearer <= MARGIN * np.sqrt(total))


def _costs(previous: Floats, current: Floats) -> Costs:
    """1 - cosine of every pair, in float64."""
    one, other = (np.asarray(each, np.float64) for each in (previous, current))
    lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)[None]
    return np.asarray(1 - one @ other.T / np.maximum(lengths, np.finfo(np.float64).tiny))


def _tube_ious(result: Sequence[Clip], reference: Sequence[Clip]) -> Ious:
    """Matches tracks as tubes over the whole clip and gives their mean IoU per frame."""
    ours, wanted = _tracks(result), _tracks(reference)
    pairs = match_masks(ours.reshape(len(ours), -1), wanted.reshape(len(wanted), -1))
    ours, wanted = ours[pairs.first], wanted[pairs.second]
    return [pair_iou(ours[:, frame], wanted[:, frame]) for frame in range(ours.shape[1])]


def _tracks(frames: Sequence[Clip]) -> Masks:
    """Masks (N, T, h, w) in the query order of the first frame."""
    tracker = NearOnlineTracker()
    parts = [tracker.update(*frame).mask_logits for frame in frames]
    return np.concatenate(parts, axis=1) > 0


def _query_ious(
    result: Sequence[Clip], reference: Sequence[Clip], left_out: Sequence[Masks] | None = None
) -> Ious:
    """Returns the mean IoU per frame of each query with itself, whatever the tracks."""
    return [
        pair_iou(
            ours.mask_logits[:, 0] > 0,
            wanted.mask_logits[:, 0] > 0,
            None if left_out is None else left_out[frame],
        )
        for frame, (ours, wanted) in enumerate(zip(result, reference, strict=True))
    ]


def _risky(reference: Sequence[Clip], rounded: Sequence[Sequence[Clip]]) -> list[Masks]:
    """Finds, per frame, the pixels of every query that rounding may change."""
    return [
        at_risk(wanted.mask_logits[:, 0], [run[frame].mask_logits[:, 0] for run in rounded])
        for frame, wanted in enumerate(reference)
    ]


def _mean(ious: Ious) -> float | None:
    known = [iou for iou in ious if iou is not None]
    return float(np.mean(known)) if known else None


def _judge_masks(queries: Ious, decided: Ious, rounded: Sequence[float], gate: float) -> tuple[Status, str]:
    mean = _mean(queries)
    if mean is None:
        return "not meaningful", NO_MASKS
    reason = under_gate("mask IoU", mean, gate)
    return excuse(reason, mean, gate, _mean(decided), rounded) if reason else ("passed", "")


def _judge_tracks(steps: Steps, tubes: Ious, gate: float) -> tuple[Status, str]:
    errors = steps.switches - steps.benign
    switched = ""
    if steps.switches:
        switched = f"{steps.switches} of {steps.transitions} steps switch identities, {errors} without a tie"
    if errors > MAX_ERRORS * steps.transitions:
        return "failed", switched
    mean = _mean(tubes)
    missed = "" if mean is None else under_gate("mask IoU of the tracks", mean, gate)
    if not (missed and switched):
        return "passed", switched
    return "failed" if errors else "benign", f"{missed}; {switched}"
