"""The tables of `few_bits`: every figure beside what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapsam.benchmarks.report.markdown import short_name, table, where_and_when
from rapsam.benchmarks.studies.few_bits import COMMAND
from rapsam.benchmarks.studies.few_bits_goals import (
    LOSSES,
    SIZE,
    TIME,
    Goal,
    finding,
    goals_of,
    verdict,
    verdicts,
)
from rapsam.benchmarks.studies.few_bits_records import FewBits, FewBitsRow, GraphRow

NOTHING = f"Not measured yet: run `{COMMAND}`."
PLOT = "images/few-bits.png"
"""From the folder of the text."""
_RULE = " --- "
_COSTS = ("recipe", "run by", "PQ, points", "one click, points", "box, points", "size", "time")
_GRAPHS = ("model", "row", "graph", "precision", "MB", "ms", "time of fp32", "why another precision")


def few_bits_tables(records: FewBits) -> str:
    """Writes all tables, with where and when they were measured, or says that nothing was."""
    if not records.rows:
        return NOTHING
    rows = sorted(records.rows, key=lambda row: (row.model, row.name))
    parts = [
        table(_COSTS, map(_costs, rows), _RULE),
        f"![Points of PQ that are lost, the smallest bundle first]({PLOT})",
        table(_GRAPHS, [cells for row in rows for cells in _graphs(row)], _RULE),
        "\n".join(f"- {name}: not measured: {reason}" for name, reason in records.not_run.items()),
        _caption(records),
    ]
    return "\n\n".join(part for part in parts if part)


def missed(rows: Iterable[FewBitsRow]) -> str:
    """Says how many goals rows fall short of, and of how many nothing is decided."""
    found = [mark for row in rows for mark in verdicts(row).values()]
    text = f"{found.count('falls short')} of {len(found)} goals"
    undecided = found.count("not decided")
    return f"{text}, {undecided} not decided" if undecided else text


def _costs(row: FewBitsRow) -> tuple[str, ...]:
    goals = goals_of(row)
    runtime = row.runtime if row.provenance in row.runtime else f"{row.runtime}, {row.provenance}"
    return row.name, runtime, *(_cell(row, figure, goals.get(figure)) for figure in (*LOSSES, SIZE, TIME))


def _cell(row: FewBitsRow, figure: str, goal: Goal | None) -> str:
    found = finding(row, figure, goal.graph if goal else "")
    if found is None:
        return "-" if goal is None else f"not measured ({_asked(goal)})"
    text = f"{found.value:z.2f}"
    if figure in LOSSES:
        text += " +- ?" if found.standard_error is None else f" +- {found.standard_error:.2f}"
    elif found.value < 1:
        text = f"{found.value:.3f}"
    if goal is None:
        return text
    return f"{text} ({_asked(goal)}: {verdict(found, goal)})"


def _asked(goal: Goal) -> str:
    return f"{goal.graph} <= {goal.limit:g}" if goal.graph else f"<= {goal.limit:g}"


def _graphs(row: FewBitsRow) -> Sequence[tuple[str, ...]]:
    where = f"{short_name(row.model)} {row.size[0]}x{row.size[1]}"
    return [(where, row.name, *_graph(graph)) for graph in row.graphs]


def _graph(graph: GraphRow) -> tuple[str, ...]:
    size = f"{graph.size_bytes / 1e6:.2f} of {graph.float_bytes / 1e6:.2f}"
    times = graph.times
    passes = (
        ("-", "-") if times is None else (f"{times.ms:.3g} of {times.float_ms:.3g}", f"{times.ratio:.3g}")
    )
    return graph.graph, graph.precision, size, *passes, graph.why.replace("|", "/") or "-"


def _caption(records: FewBits) -> str:
    rows = records.rows
    where = where_and_when((row.machine, row.created_utc) for row in rows)
    images = " or ".join(str(count) for count in sorted({row.images for row in rows if row.images}))
    calibrated = ", ".join(sorted({row.calibration for row in rows if row.calibration and row.images}))
    sources = ", ".join(sorted({row.source_sha256[:8] for row in rows}))
    load = max(row.load_average for row in rows)
    return (
        f"{images or 'No'} images scored; ranges found on: {calibrated or 'none'}. Measured on {where}, one "
        f"thread for times, load before them at most {load:g}, source {sources}, with `{records.command}`."
    )
