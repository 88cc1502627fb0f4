"""`rapsam quantize inspect`: what few bits cost a bundle."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, show, show_json

if TYPE_CHECKING:
    from rapsam.export.bundle.quantisation import (
        BudgetReport,
        FigureDrop,
        GraphQuantisation,
        QuantisationReport,
        UnitCost,
    )

SUMMARY = "Show what few bits cost a bundle: noise, time, what stays float and why, the budget and its parts."
EXAMPLE = "rapsam quantize inspect bundles/onnx-w8a8"
_UNKNOWN = "-"
_MEASURED = ("time beside float", "worst output", "against float", "against the quantised graph")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder made by 'rapsam export'")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")


def run(options: argparse.Namespace) -> int:
    """Verifies a bundle and shows the record."""
    from rapsam.export.bundle.quantisation import read_quantisation
    from rapsam.export.bundle.seal import verify_bundle

    manifest = verify_bundle(options.bundle)
    report = read_quantisation(options.bundle)
    if options.json:
        show_json(report)
        return 0
    columns = ("graph", "precision", *_MEASURED)
    rows = [_graph_row(graph, report.precision) for graph in report.graphs]
    print_table(f"{manifest.recipe}{_calibrated(report)}", columns, rows)
    show(*(f"{graph.graph} is {graph.precision}: {graph.why}" for graph in report.graphs if graph.why))
    left = list(_left_rows(report))
    if left:
        print_table("\nfloat, with the number of operators", ("graph", "operators", "why"), left)
    if report.budget is not None:
        _print_budget(options.bundle, report.budget)
    return 0


def _calibrated(report: QuantisationReport) -> str:
    found = report.calibration
    return "" if found is None else f", calibrated on {found.images} images of {found.name}"


def _graph_row(graph: GraphQuantisation, wanted: str) -> tuple[str, ...]:
    known = [row for row in graph.outputs if row.artifact_db is not None]
    worst = min(known, key=lambda row: row.artifact_db or 0.0, default=None)
    timing = graph.timing if graph.precision == wanted else graph.taken
    return (
        graph.graph,
        graph.precision,
        _UNKNOWN if timing is None else f"{timing.ratio:.2f}, {timing.runtime}",
        _UNKNOWN if worst is None else worst.output,
        _decibels(None if worst is None else worst.artifact_db),
        _decibels(None if worst is None else worst.runtime_db),
    )


def _left_rows(report: QuantisationReport) -> Iterator[tuple[str, ...]]:
    for graph in report.graphs:
        for why, count in Counter(left.why for left in graph.left).most_common():
            yield graph.graph, str(count), why


def _print_budget(folder: Path, budget: BudgetReport) -> None:
    from rapsam.export.build.budget_plot import BUDGET_PLOT_NAME

    title = (
        f"\nbudget, held on {budget.images} images of {budget.data} in {budget.runtime}; "
        f"{budget.kept_macs / 1e6:.1f} of {budget.macs / 1e6:.1f} M MACs stay float for it"
    )
    rows = [
        (*_drop_row(drop, budget.t), f"{budget.limits[drop.figure]:g}", drop.image or _UNKNOWN)
        for drop in budget.drops
    ]
    heads = ("figure", "points lost", "standard error", "at most, 95 %", "limit", "worst image")
    print_table(title, heads, rows)
    if budget.units:
        columns = ("part", "M MACs", "noise", "points lost by itself", "in this bundle")
        print_table(
            "\nparts, the costliest per multiply-add first", columns, list(map(_unit_row, budget.units))
        )
    show(f"{folder / BUDGET_PLOT_NAME} shows it")


def _drop_row(drop: FigureDrop, t: float) -> tuple[str, ...]:
    from rapsam.export.bundle.quantisation import TITLES

    error = _UNKNOWN if drop.standard_error is None else f"{drop.standard_error:.2f}"
    return TITLES[drop.figure], f"{drop.points:.2f}", error, f"{drop.upper(t):.2f}"


def _unit_row(unit: UnitCost) -> tuple[str, ...]:
    from rapsam.export.bundle.quantisation import TITLES

    lost = ", ".join(f"{TITLES[drop.figure]} {_with_error(drop)}" for drop in unit.drops)
    return (
        unit.unit,
        f"{unit.macs / 1e6:.1f}",
        _decibels(unit.worst_db),
        lost or "nothing: the outputs hardly differ",
        "float" if unit.kept else "few bits",
    )


def _with_error(drop: FigureDrop) -> str:
    error = "" if drop.standard_error is None else f" +- {drop.standard_error:.2f}"
    return f"{drop.points:.2f}{error}"


def _decibels(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.1f} dB"
