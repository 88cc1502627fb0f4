"""Parity in a few lines: for each graph and each task the worst figure, where it was found, and a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from rapsam.cli.console import say, show

if TYPE_CHECKING:
    from rapsam.export.backends.recipes import Gates
    from rapsam.export.parity.report import JudgedRow, ParityReport

# The worst first. What has nothing to compare is shown only where nothing else is.
_ORDER = ("failed", "benign", "passed", "not meaningful")
_EXPLAINED = {
    "benign": "a gate is missed, but only by what rounding alone decides",
    "not meaningful": "there is nothing to compare, or rounding decides all of it",
}
_SHOWN_FAILURES = 4


class _Finding(NamedTuple):
    """A comparison with its figure.

    Attributes:
        subject: Graph, task or clip, as the report names it.
        row: Its record.
        figure: Small where the result is bad; None without a figure.
        says: The figure and its gate, in words.
        where: Output and input.
    """

    subject: str
    row: JudgedRow
    figure: float | None
    says: str
    where: str


def print_heading(name: str, report: ParityReport) -> None:
    """Prints which bundle was compared, in which runtimes, and with what."""
    ran = dict.fromkeys(row.runtime for row in report.judged() if row.status != "not run")
    compared = f"{' and '.join(ran)} against {report.reference}" if ran else "nothing could be compared"
    recipe = f"{report.recipe}, " if report.recipe != name else ""
    show(f"{name}: {recipe}{report.size[0]}x{report.size[1]}; {compared}")


def print_summary(report: ParityReport) -> None:
    """Prints a line per graph, task and clip, then what did not run and what needs an explanation."""
    lines = summary_rows(report)
    names, statuses = (max((len(line[place]) for line in lines), default=0) for place in (0, 1))
    for name, status, rest in lines:
        show(f"  {name:{names}}  {status:{statuses}}  {rest}")
    for line in report.not_run():
        show(f"  {line}")
    for status, meaning in _EXPLAINED.items():
        if count := sum(row.status == status for row in report.judged()):
            show(f"  {count} of {len(report.judged())} comparisons {status}: {meaning}")
    show(verdict(report))


def summary_rows(report: ParityReport) -> list[tuple[str, str, str]]:
    """Returns for each graph, task and clip its name, its status, and its worst figure with the input."""
    several = len({row.runtime for row in report.judged() if row.status != "not run"}) > 1
    open_subjects = report.undecided()
    groups: dict[str, list[_Finding]] = {}
    for found in _findings(report):
        if found.row.status != "not run":
            groups.setdefault(found.subject, []).append(found)
    rows = []
    for subject, group in groups.items():
        worst = min(group, key=_rank)
        status: str = worst.row.status
        if status != "failed" and any(f": {subject}" in line for line in open_subjects):
            status, worst = "undecided", max(group, key=_rank)
        runtime = f" in {worst.row.runtime}" if several else ""
        where = f"{worst.where}{runtime}".strip()
        rows.append((subject.replace("'", ""), _loud(status), ", ".join(filter(None, (worst.says, where)))))
    return rows


def verdict(report: ParityReport) -> str:
    """Returns the verdict in a line, in words where it is neither passed nor failed."""
    if report.status == "emulated":
        return (
            "parity: emulated: every gate passed, in an interpreter of this toolkit, not on the real runtime"
        )
    if report.status == "undecided":
        return f"parity: undecided: nothing failed, but no input decides {', '.join(report.undecided())}"
    if report.status == "not run":
        return "parity: not run: no runtime of this format works here"
    return f"parity: {report.status}"


def print_failures(failures: Iterable[str], *, verbose: bool) -> None:
    """Prints to standard error a line per missed gate; not all of many, unless they are asked for."""
    lines = list(failures)
    shown = lines if verbose else lines[:_SHOWN_FAILURES]
    say(*(f"FAILED {line}" for line in shown))
    if len(shown) < len(lines):
        say(f"FAILED {len(lines) - len(shown)} more; --verbose lists all")


def _loud(status: str) -> str:
    return "FAILED" if status == "failed" else status


def _rank(found: _Finding) -> tuple[int, float]:
    # Without a figure: equal tensors, unless the row failed, where it means that there is no result at all.
    missing = float("-inf") if found.row.status == "failed" else float("inf")
    return _ORDER.index(found.row.status), missing if found.figure is None else found.figure


def _findings(report: ParityReport) -> Iterator[_Finding]:
    from rapsam.export.backends.catalogue import RECIPES

    recipe = RECIPES.get(report.recipe)
    gates = recipe.gates if recipe else None
    for tensor in report.tensors:
        told = "no difference" if tensor.sqnr_db is None else f"SQNR {tensor.sqnr_db:.1f} dB"
        says = _told(tensor, told, gates.min_sqnr_db if gates else None)
        where = f"{tensor.output} on {tensor.case!r}"
        yield _Finding(f"graph {tensor.graph!r}", tensor, tensor.sqnr_db, says, where)
    for task in report.tasks:
        figure = task.pq if task.mask_iou is None else task.mask_iou
        told = "" if figure is None else f"{'PQ' if task.mask_iou is None else 'mask IoU'} {figure:.4f}"
        says = _told(task, told, _task_gate(gates, task.task))
        yield _Finding(f"task {task.task!r}", task, figure, says, f"on {task.case!r}")
    for clip in report.videos:
        ious = [iou for iou in clip.query_ious if iou is not None]
        figure = sum(ious) / len(ious) if ious else None
        told = "" if figure is None else f"mask IoU {figure:.4f}"
        says = _told(clip, told, gates.min_mask_iou if gates else None)
        yield _Finding(f"clip {clip.clip!r}", clip, figure, says, "")
    for histogram in report.histograms:
        if histogram.status == "failed":
            name, where = f"histogram {histogram.histogram!r}", f"on {histogram.case!r}"
            yield _Finding(name, histogram, None, _told(histogram, "", None), where)


def _told(row: JudgedRow, figure: str, gate: float | None) -> str:
    """Returns the figure and its gate, or the first part of the reason where the gate is missed."""
    if row.status == "passed" or not row.reason:
        return f"{figure}, gate {gate:g}" if figure and gate is not None else figure
    return row.reason.partition(";")[0]


def _task_gate(gates: Gates | None, task: str) -> float | None:
    if gates is None:
        return None
    named = {"objects": gates.min_mask_iou, "panoptic": gates.min_pq, "prompt": gates.min_prompt_iou}
    return named.get(task)
