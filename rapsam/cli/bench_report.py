"""What the command line says of latency records: times, what was compared, and which run to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, say, show

if TYPE_CHECKING:
    from rapsam.benchmarks.latency.facts import GraphRun
    from rapsam.benchmarks.latency.record import LatencyRecord, StageTimes

_UNKNOWN = "-"
_GRAPH_COLUMNS = ("graph", "load ms", "first ms", "warm-up ms", "runs", "reported")
_STAGE_COLUMNS = ("stage", "p50 ms", "p90 ms", "p99 ms", "trimmed mean", "min", "n")


def print_record(record: LatencyRecord) -> None:
    """Prints one run."""
    title = f"\n{_name(record)}: {record.provenance}"
    if record.graphs:
        print_table(title, _GRAPH_COLUMNS, list(map(_graph_row, record.graphs)))
    else:
        show(*title.split("\n"))
    if record.stages:
        print_table("", _STAGE_COLUMNS, list(map(_stage_row, record.stages)))
    show(*_lines(record))
    if record.error is not None:
        say(f"FAILED {_name(record)}: {record.error}")


def print_verdict(records: Sequence[LatencyRecord]) -> None:
    """Names the fastest correct run where there are several."""
    from rapsam.benchmarks.latency.verdict import fastest_correct

    if len(records) < 2:
        return
    found = fastest_correct(records)
    if found is None:
        show("no run has both times that count and a self-test: none is called the fastest correct")
        return
    ahead = "" if found.margin is None else f"; the next takes {found.margin:.2f} times as long"
    stage = f"{found.stage.name}, p50 {found.stage.ms.p50:.2f} ms"
    show(f"fastest correct: {_name(found.record)} ({stage}{ahead})")


def _name(record: LatencyRecord) -> str:
    from rapsam.benchmarks.latency.names import runtime_name, threads_of

    return f"{record.model.file}, {runtime_name(record)}{threads_of(record)}"


def _graph_row(graph: GraphRun) -> tuple[str, ...]:
    times = (graph.load_ms, graph.first_ms, graph.average_warmup_ms)
    runs = _UNKNOWN if graph.warmup_iters is None else str(graph.warmup_iters)
    reported = _UNKNOWN if graph.reported is None else ", ".join(graph.reported)
    return graph.graph, *map(_ms, times), runs, reported


def _stage_row(stage: StageTimes) -> tuple[str, ...]:
    name = stage.name if stage.mode == "burst" else f"{stage.name}, sustained"
    times = (stage.ms.p50, stage.ms.p90, stage.ms.p99, stage.ms.trimmed_mean, stage.ms.min)
    return name, *map(_ms, times), str(stage.ms.n)


def _lines(record: LatencyRecord) -> Iterator[str]:
    if record.memory is not None:
        yield f"peak memory {record.memory.peak_mb} MiB ({record.memory.metric})"
    if record.fidelity is not None:
        found = record.fidelity
        ratios = (found.worst_sqnr_db, found.mean_sqnr_db)
        worst, mean = (_UNKNOWN if ratio is None else f"{ratio:.1f} dB" for ratio in ratios)
        yield f"self-test {found.status}: {found.cases} cases, worst {worst} ({found.worst}), mean {mean}"
    elif record.status == "done":
        yield "not compared: there is no self-test for a bare file"
    valid = record.validity
    if valid is not None and not (valid.min_count_met and valid.min_duration_met):
        yield "times do not count: too few samples, or too short; raise --iters or --min-seconds"
    if valid is not None and not valid.is_warm:
        yield "a graph was not steady after its warm-up: other work on this machine may take part"
    if record.sustained:
        first, last = record.sustained[0], record.sustained[-1]
        ends = (f"{window.p50_ms:.2f} ms at {window.t_s:.0f} s" for window in (first, last))
        yield f"sustained: p50 {', '.join(ends)}"
    yield from (f"note: {note}" for note in record.notes)


def _ms(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.2f}"
