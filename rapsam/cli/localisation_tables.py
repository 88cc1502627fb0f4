"""The tables of `rapsam parity --localise`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, show

if TYPE_CHECKING:
    from rapsam.export.localise.report import GraphLocalisation, LocalisationReport


def print_localisation(name: str, report: LocalisationReport) -> None:
    """Prints a table along every graph, then what it shows."""
    for graph in report.graphs:
        if graph.taps:
            _print_taps(name, report, graph)
    show("")
    for graph in report.graphs:
        for line in _findings(graph):
            show(f"{graph.runtime}: graph {graph.graph!r}: {line}")


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
