"""What was asked of few bits, and how what was measured stands to it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from rapsam.benchmarks.studies.few_bits_records import NANO, R18, FewBitsRow
from rapsam.export.bundle.quantisation import T_95

Verdict = Literal["holds", "falls short", "not decided"]
SIZE, TIME = "size", "time"
LOSSES = ("pq", "click", "box")
_ANY = ""


class Goal(NamedTuple):
    """A limit that was asked for.

    Attributes:
        figure: "pq", "click" or "box" in points of 100 that are lost, "size" or "time" of that of fp32.
        limit: Largest value that is good enough.
        graph: Of a time; empty for the slowest graph.
    """

    figure: str
    limit: float
    graph: str = ""


class Finding(NamedTuple):
    """A figure that was measured.

    Attributes:
        value: In the unit of its goal.
        standard_error: Of a loss; None where it cannot be told, or there is none.
    """

    value: float
    standard_error: float | None


def _goals(
    pq: float, click_and_box: float, size: float, time: float | None = None, graph: str = ""
) -> tuple[Goal, ...]:
    limits = (Goal("pq", pq), Goal("click", click_and_box), Goal("box", click_and_box), Goal(SIZE, size))
    return limits if time is None else (*limits, Goal(TIME, time, graph))


ASKED: dict[tuple[str, str, str], tuple[Goal, ...]] = {
    (NANO, _ANY, "fp16"): _goals(0.1, 0.1, 0.51),
    (NANO, _ANY, "w8"): _goals(0.3, 0.3, 0.31, 1.05),
    (NANO, "onnx", "w8a8"): _goals(0.5, 0.3, 0.33, 0.48, "encoder"),
    (NANO, "tflite", "w8a8"): _goals(0.5, 0.3, 0.40, 0.45, "encoder"),
    (NANO, "executorch", "w8a8"): _goals(1.0, 0.5, 0.40, 0.65, "encoder"),
    (NANO, _ANY, "w8a16"): _goals(0.2, 0.2, 0.35),
    (NANO, "coreml", "p6"): _goals(0.3, 0.3, 0.22),
    (NANO, "coreml", "p4"): _goals(1.5, 1.5, 0.17),
    (R18, "onnx", "w8a8"): (Goal(TIME, 0.55, "panoptic_image"),),
}
"""By model, target (empty: any) and precision."""
ASKED_AFTER_TRAINING = _goals(0.2, 0.2, 0.33, 0.48, "encoder")
"""Of rows with a training for these bits."""


def goals_of(row: FewBitsRow) -> dict[str, Goal]:
    """Returns what was asked of a row, by figure; nothing was asked of some."""
    if row.trained_with:
        return {goal.figure: goal for goal in ASKED_AFTER_TRAINING}
    own = ASKED.get((row.model, row.target, row.precision))
    found = ASKED.get((row.model, _ANY, row.precision), ()) if own is None else own
    return {goal.figure: goal for goal in found}


def finding(row: FewBitsRow, figure: str, graph: str = "") -> Finding | None:
    """Takes a figure from a row; None where it was not measured."""
    if figure == SIZE:
        return Finding(row.size_ratio, None)
    if figure == TIME:
        ratio = row.time_ratio(graph)
        return None if ratio is None else Finding(ratio, None)
    loss = row.loss(figure)
    return None if loss is None else Finding(loss.points, loss.standard_error)


def verdict(found: Finding, goal: Goal) -> Verdict:
    """Judges a figure; of a loss nothing is decided within its one-sided 95 % interval."""
    if goal.figure in LOSSES:
        error = found.standard_error
        if error is None or abs(found.value - goal.limit) < T_95 * error:
            return "not decided"
    return "holds" if found.value <= goal.limit else "falls short"


def verdicts(row: FewBitsRow) -> dict[str, Verdict]:
    """Judges all of a row that was asked for and measured, by figure."""
    judged = {}
    for figure, goal in goals_of(row).items():
        found = finding(row, figure, goal.graph)
        if found is not None:
            judged[figure] = verdict(found, goal)
    return judged
