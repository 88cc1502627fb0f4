"""Parity in full: every row of the report for `--verbose`, every module for `--localise`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, show
from rapsam.cli.parity_summary import verdict

if TYPE_CHECKING:
    from rapsam.export.localise.report import GraphLocalisation, LocalisationReport
    from rapsam.export.parity.report import ParityReport


def print_tables(report: ParityReport) -> None:
    """Prints what was compared as tables, then lines for what neither passed nor failed."""
    _print_tensors(report)
    _print_tasks(report)
    _print_decisions(report)
    _print_histograms(report)
    _print_videos(report)
    for line in report.not_run():
        show(line)
    for line in report.lines("not meaningful"):
        show(f"not meaningful: {line}")
    benign = report.lines("benign")
    for line in benign:
        show(f"benign: {line}")
    excused = f"; {len(benign)} benign: missed by what rounding alone decides" if benign else ""
    show(f"{verdict(report)}{excused}")


def print_localisation(name: str, report: LocalisationReport) -> None:
    """Prints a table along every graph, then what it shows."""
    for graph in report.graphs:
        if graph.taps:
            _print_taps(name, report, graph)
    show("")
    for graph in report.graphs:
        for line in _findings(graph):
            show(f"{graph.runtime}: graph {graph.graph!r}: {line}")


def _print_tensors(report: ParityReport) -> None:
    print_table(
        "\nTensors, against the same graph in PyTorch float32\n"
        "rounding: SQNR of the reference against itself, rounded at random as this precision rounds",
        ("runtime", "graph", "output", "input", "max abs", "cosine", "SQNR dB", "rounding", "status"),
        [
            (
                row.runtime,
                row.graph,
                row.output,
                row.case,
                _figure(row.max_abs, ".2e"),
                _figure(row.cosine, ".6f"),
                _figure(row.sqnr_db, ".1f"),
                _figure(row.rounding_db, ".1f"),
                row.status,
            )
            for row in report.tensors
            if row.status != "not run"
        ],
    )


def _print_tasks(report: ParityReport) -> None:
    print_table(
        "\nTasks; least: IoU of the mask that is farthest off\n"
        "decided: the same figure over what rounding does not decide, where the gate is missed",
        (
            "runtime",
            "task",
            "input",
            "mask IoU",
            "least",
            "class agreement",
            "PQ",
            "segments",
            "decided",
            "status",
        ),
        [
            (
                row.runtime,
                row.task,
                row.case,
                _figure(row.mask_iou, ".4f"),
                _figure(row.least_mask_iou, ".4f"),
                _figure(row.class_agreement, ".3f"),
                _figure(row.pq, ".4f"),
                "-" if row.segments is None else f"{row.segments} of {row.reference_segments}",
                _figure(row.decided, ".4f"),
                row.status,
            )
            for row in report.tasks
            if row.status != "not run"
        ],
    )


def _print_decisions(report: ParityReport) -> None:
    print_table(
        "\nDecisions that differ from the reference\n"
        "No gate of their own: how many are allowed is decided by those of mask IoU, class agreement and PQ.",
        ("runtime", "input", "decision", "total", "at risk", "differ", "by rounding", "others"),
        [
            (
                row.runtime,
                row.case,
                row.decision,
                f"{row.total:,}",
                f"{row.at_risk / row.total:.3%}",
                f"{row.flips:,}",
                f"{row.benign:,}",
                f"{row.errors:,}",
            )
            for row in report.decisions
        ],
    )


def _print_histograms(report: ParityReport) -> None:
    print_table(
        "\nDistributions: share that moved, and the share that rounding moves in the reference",
        ("runtime", "input", "histogram", "moved", "rounding", "status"),
        [
            (
                row.runtime,
                row.case,
                row.histogram,
                _figure(row.shift, ".1%"),
                _figure(row.rounded_shift, ".1%"),
                row.status,
            )
            for row in report.histograms
        ],
    )


def _print_videos(report: ParityReport) -> None:
    if not report.videos:
        return
    print_table(
        "\nTracks of a clip: mask IoU frame by frame, identity switches",
        ("runtime", "clip", "mask IoU", "steps", "switches", "benign", "status"),
        [
            (
                row.runtime,
                row.clip,
                " ".join(_figure(iou, ".3f") for iou in row.frame_ious),
                str(row.transitions),
                str(row.switches),
                str(row.benign),
                row.status,
            )
            for row in report.videos
        ],
    )


def _print_taps(name: str, report: LocalisationReport, graph: GraphLocalisation) -> None:
    print_table(
        f"\n{graph.graph} of {name} ({report.recipe}) in {graph.runtime}, input {report.case!r}, "
        "module by module",
        ("module", "shape", "max abs", "cosine", "SQNR dB", "rounding", "drop"),
        [
            (
                tap.module,
                "x".join(map(str, tap.shape)),
                _figure(tap.max_abs, ".2e"),
                _figure(tap.cosine, ".6f"),
                _figure(tap.sqnr_db, ".1f"),
                _figure(tap.rounding_db, ".1f"),
                _figure(tap.drop_db, ".1f"),
            )
            for tap in graph.taps
        ],
    )


def _findings(graph: GraphLocalisation) -> list[str]:
    if graph.reason:
        return [f"not run: {graph.reason}"]
    lines = [f"first diverges at {graph.first_bad}" if graph.first_bad else "no module diverges"]
    lines.append(f"largest drop at {graph.largest_drop}")
    if graph.bundle_note:
        lines.append(f"the bundle's own graph is another: {graph.bundle_note}; export it again")
    if graph.rewrites_db is not None:
        lines.append(f"before conversion, the graph has {graph.rewrites_db:.1f} dB to the trainable one")
    return lines


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
