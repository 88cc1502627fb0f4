"""What `rapsam lint` prints: findings by rule, what mends them, what the graphs need, and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, readable_size, show, show_text

if TYPE_CHECKING:
    from rapsam.export.lint.report import Finding, GraphFigures, LargestTensor, LintReport, WorstValue

_UNKNOWN = "-"
_ALL = "all"
_INFINITE = "infinite"
_CPU = (None, "cpu", "cpuOnly")
_SHOWN_MODULES = 2


def print_report(report: LintReport) -> None:
    """Prints a report; its last line is the verdict.

    Its tables have 80 columns unless names are long: where and what stands below, in lines.
    """
    phone = f" on {report.device}" if report.device else ""
    size = "x".join(map(str, report.size))
    title = f"{report.subject}{phone}: {report.recipe}, {size}, {' + '.join(report.tasks)}; estimated"
    groups = [list(group) for _, group in groupby(report.findings, key=_group)]
    columns = ("severity", "rule", "graph", "places", "of MACs", "moved")
    print_table(title, columns, [_group_row(group) for group in groups])
    _print_rules(groups)
    print_table(
        "\nwhat graphs need",
        ("graph", "M MACs", "weights", "activations", "moved", "estimated"),
        [_figures_row(graph) for graph in report.graphs],
    )
    show_text(*(f"  {graph.graph}: {_largest_told(graph)}" for graph in report.graphs if graph.peak_at))
    if report.worst:
        title = f"\nlargest values on {report.calibration_images} images of {report.calibration}"
        print_table(
            title, ("graph", "what", "value", "float16 takes", "where"), list(map(_worst_row, report.worst))
        )
    show_text("", _memory_line(report))
    if report.estimate_unknown:
        show_text(f"time by roofline: unknown, {report.estimate_unknown}")
    show_text(*(f"note: {note}" for note in report.notes))
    show(verdict(report))


def _group(finding: Finding) -> tuple[str, str, str, str]:
    return finding.severity, finding.rule, finding.accelerator or "", finding.graph or ""


def _group_row(group: Sequence[Finding]) -> tuple[str, ...]:
    first = group[0]
    shares = [finding.mac_share for finding in group if finding.mac_share is not None]
    moved = [finding.bytes_moved for finding in group if finding.bytes_moved is not None]
    return (
        first.severity,
        first.rule,
        first.graph or _ALL,
        str(len(group)),
        f"{sum(shares):.1%}" if shares else _UNKNOWN,
        readable_size(sum(moved)) if moved else _UNKNOWN,
    )


def _print_rules(groups: Sequence[Sequence[Finding]]) -> None:
    """Says once per rule what happens, where, what mends it and who says so."""
    for rule in dict.fromkeys(group[0].rule for group in groups):
        found = [group for group in groups if group[0].rule == rule]
        first = found[0][0]
        show_text(
            "",
            f"{rule}: {first.says}{_standing(first)}",
            *(f"  {group[0].graph or _ALL}: {_where(group)}" for group in found),
            f"  mend: {first.mend}",
            f"  evidence: {', '.join(first.evidence)}",
        )


def _where(group: Sequence[Finding]) -> str:
    """Names the first modules of a group, and what of the first breaks the rule."""
    modules = Counter(finding.module for finding in group if finding.module)
    shown = ", ".join(list(modules)[:_SHOWN_MODULES])
    others = len(modules) - _SHOWN_MODULES
    more = f" and {others} more" if others > 0 else ""
    return f"{shown}{more}: {group[0].detail}" if shown else group[0].detail


def _standing(finding: Finding) -> str:
    if finding.standing == "stale":
        return f" (stale: seen with {finding.seen_with}; {finding.installed} is installed here)"
    if finding.standing == "fixed":
        return f" (mended in {finding.installed}, which is installed here; a phone may hold an older one)"
    return ""


def _figures_row(graph: GraphFigures) -> tuple[str, ...]:
    return (
        graph.graph,
        f"{graph.macs / 1e6:,.1f}",
        readable_size(graph.weight_bytes),
        readable_size(graph.peak_activation_bytes),
        _UNKNOWN if graph.bytes_moved is None else readable_size(graph.bytes_moved),
        _UNKNOWN if graph.estimated_ms is None else f"{graph.estimated_ms:.2f} ms or more",
    )


def _largest_told(graph: GraphFigures) -> str:
    peak = f"most activations at {graph.peak_at}"
    return peak if graph.largest is None else f"{peak}; largest tensor {_told(graph.largest)}"


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


def verdict(report: LintReport) -> str:
    """Says in a line how ready the subject is, and for what."""
    units = "the CPU" if report.compute_units in _CPU else report.compute_units
    where = " and ".join(report.accelerators) or units
    counts = f"{_counted(report.errors, 'error')}, {_counted(report.warnings, 'warning')}"
    told = ", as far as its files and its manifest tell" if report.kind == "bundle" else ""
    return f"{report.readiness}: {counts} for {where}{told}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
