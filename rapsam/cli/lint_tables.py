"""What `rapsam lint` prints: findings by rule, what mends them, what the graphs need, and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, readable_size, show

if TYPE_CHECKING:
    from rapsam.export.lint.report import Finding, GraphFigures, LargestTensor, LintReport, WorstValue

_UNKNOWN = "-"
_INFINITE = "infinite"
_CPU = (None, "cpu", "cpuOnly")
_SHOWN_MODULES = 2


def print_report(report: LintReport) -> None:
    """Prints a report; its last line is the verdict."""
    phone = f" on {report.device}" if report.device else ""
    size = "x".join(map(str, report.size))
    title = f"{report.subject}{phone}: {report.recipe}, {size}, {' + '.join(report.tasks)}; estimated"
    groups = [list(group) for _, group in groupby(report.findings, key=_group)]
    columns = ("severity", "rule", "graph", "places", "of MACs", "moved", "where and what")
    print_table(title, columns, [_group_row(group) for group in groups])
    _print_mends(groups)
    print_table(
        "\nwhat graphs need",
        ("graph", "M MACs", "weights", "activations", "at", "largest tensor", "moved", "estimated"),
        [_figures_row(graph) for graph in report.graphs],
    )
    if report.worst:
        title = f"\nlargest values on {report.calibration_images} images of {report.calibration}"
        print_table(
            title, ("graph", "what", "value", "float16 takes", "where"), list(map(_worst_row, report.worst))
        )
    show("", _memory_line(report))
    if report.estimate_unknown:
        show(f"time by roofline: unknown, {report.estimate_unknown}")
    show(*(f"note: {note}" for note in report.notes))
    show(_verdict(report))


def _group(finding: Finding) -> tuple[str, str, str, str]:
    return finding.severity, finding.rule, finding.accelerator or "", finding.graph or ""


def _group_row(group: Sequence[Finding]) -> tuple[str, ...]:
    first = group[0]
    shares = [finding.mac_share for finding in group if finding.mac_share is not None]
    moved = [finding.bytes_moved for finding in group if finding.bytes_moved is not None]
    modules = Counter(finding.module for finding in group if finding.module)
    shown = ", ".join(list(modules)[:_SHOWN_MODULES])
    others = len(modules) - _SHOWN_MODULES
    more = f" and {others} more" if others > 0 else ""
    where = f"{shown}{more}: {first.detail}" if shown else first.detail
    return (
        first.severity,
        first.rule,
        first.graph or "all",
        str(len(group)),
        f"{sum(shares):.1%}" if shares else _UNKNOWN,
        readable_size(sum(moved)) if moved else _UNKNOWN,
        where,
    )


def _print_mends(groups: Sequence[Sequence[Finding]]) -> None:
    """Says once per rule what happens, what mends it and who says so."""
    for first in {group[0].rule: group[0] for group in groups}.values():
        show(
            "",
            f"{first.rule}: {first.says}{_standing(first)}",
            f"  mend: {first.mend}",
            f"  evidence: {', '.join(first.evidence)}",
        )


def _standing(finding: Finding) -> str:
    if finding.standing == "stale":
        return f" (stale: seen with {finding.seen_with}; {finding.installed} is installed here)"
    if finding.standing == "fixed":
        return f" (mended in {finding.installed}, which is installed here; a phone may hold an older one)"
    return ""


def _figures_row(graph: GraphFigures) -> tuple[str, ...]:
    largest = graph.largest
    return (
        graph.graph,
        f"{graph.macs / 1e6:,.1f}",
        readable_size(graph.weight_bytes),
        readable_size(graph.peak_activation_bytes),
        graph.peak_at or _UNKNOWN,
        _UNKNOWN if largest is None else _told(largest),
        _UNKNOWN if graph.bytes_moved is None else readable_size(graph.bytes_moved),
        _UNKNOWN if graph.estimated_ms is None else f"{graph.estimated_ms:.2f} ms or more",
    )


def _told(largest: LargestTensor) -> str:
    shape = "x".join(map(str, largest.shape))
    return f"{shape}, {readable_size(largest.size_bytes)}, {largest.module or largest.operator}"


def _worst_row(worst: WorstValue) -> tuple[str, ...]:
    where = worst.module or worst.operator
    value = _INFINITE if worst.value is None else f"{worst.value:,.1f}"
    return worst.graph, worst.what, value, f"{worst.limit:,.0f}", where


def _memory_line(report: LintReport) -> str:
    memory = report.memory
    needed = f"memory, estimated: {readable_size(memory.total_bytes)} for weights and activations"
    if memory.share is None:
        return f"{needed}; of the phone's memory: unknown, {memory.ram_unknown}"
    return f"{needed}, {memory.share:.1%} of the phone's {memory.ram_mb:,} MiB"


def _verdict(report: LintReport) -> str:
    units = "the CPU" if report.compute_units in _CPU else report.compute_units
    where = " and ".join(report.accelerators) or units
    counts = f"{_counted(report.errors, 'error')}, {_counted(report.warnings, 'warning')}"
    told = ", as far as its files and its manifest tell" if report.kind == "bundle" else ""
    return f"{report.readiness}: {counts} for {where}{told}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
