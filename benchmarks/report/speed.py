"""The Markdown tables of `runtime_speed`."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.report.markdown import short_name, table, where_and_when
from rapsam.benchmarks.studies.runtime_speed import COMMAND
from rapsam.benchmarks.studies.speed_goals import GOALS, Goal, roofline_share
from rapsam.benchmarks.studies.speed_records import (
    FUSE_CROWD,
    FUSE_SCENE,
    GROWING,
    GROWTH,
    IMAGE,
    LETTERBOX,
    NETWORKS,
    PROMPT,
    PROMPT_COUNTS,
    PROMPT_MASKS,
    PUBLISHED,
    TITLES,
    FullExport,
    SpeedRecords,
    SpeedRun,
    Subject,
    Timing,
)

NOTHING = f"Not measured yet: run `{COMMAND}`."
_WHOLE_FROM = 100
_AROUND = {
    IMAGE: (LETTERBOX, FUSE_CROWD, FUSE_SCENE),
    PROMPT: (PROMPT_MASKS,),
}


def speed_tables(records: SpeedRecords) -> str:
    """Writes all tables, with where and when they were measured, or says that nothing was."""
    if not records.runs:
        return NOTHING
    parts = [
        _goals_table(records),
        _networks_table(records.runs),
        _growth_table(records.runs),
        _around_table(records.runs),
        _not_run(records.runs),
        _exports(records.exports),
        _caption(records),
    ]
    return "\n\n".join(part for part in parts if part)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table(header, rows, " --- ") if rows else ""


def _goals_table(records: SpeedRecords) -> str:
    header = ("model", "asked", "limit", "measured", "met")
    return _table(header, [_goal_row(goal, goal.measure(records, goal.model)) for goal in GOALS])


def _goal_row(goal: Goal, value: float | None) -> tuple[str, ...]:
    limit = f"{'>=' if goal.at_least else '<='} {goal.limit:g}"
    if value is None:
        return short_name(goal.model), goal.text, limit, "not measured", "-"
    return short_name(goal.model), goal.text, limit, f"{value:.3g}", "yes" if goal.met(value) else "no"


def _networks_table(runs: Sequence[SpeedRun]) -> str:
    header = ("model", "graph", *(TITLES[name] for name in NETWORKS))
    rows = []
    for run in runs:
        if run.timing(PUBLISHED, run.group) is not None:
            cells = [_network_cell(run, name) for name in NETWORKS]
            rows.append((_where(run), run.group, *cells))
            memory = [_memory_cell(run.timing(name, run.group)) for name in NETWORKS]
            if run.group == IMAGE:
                rows.append((_where(run), "its process, peak MiB", *memory))
    return _table(header, rows)


def _network_cell(run: SpeedRun, contender: str) -> str:
    timing, base = run.timing(contender, run.group), run.median_ms(PUBLISHED, run.group)
    if timing is None or timing.ms is None:
        return "-"
    facts = [f"{_figure(timing.ms.first)}..{_figure(timing.ms.third)}"]
    if base:
        facts.append(f"{timing.ms.median / base:.3g}x")
    share = roofline_share(run, contender, run.group)
    if share is not None:
        facts.append(f"{share:.0%}")
    return f"{_figure(timing.ms.median)} ms ({', '.join(facts)})"


def _memory_cell(timing: Timing | None) -> str:
    return "-" if timing is None or timing.peak_rss_mb is None else str(timing.peak_rss_mb)


def _growth_table(runs: Sequence[SpeedRun]) -> str:
    header = ("model", "prompt graph, ms", *(f"K = {count}" for count in PROMPT_COUNTS))
    rows = []
    for run in runs:
        if run.group == GROWTH:
            rows += [
                (
                    _where(run),
                    TITLES[name],
                    *(_figure(run.median_ms(name, PROMPT, k)) for k in PROMPT_COUNTS),
                )
                for name in GROWING
            ]
    return _table(header, rows)


def _around_table(runs: Sequence[SpeedRun]) -> str:
    rows = []
    for run in runs:
        for name in _AROUND.get(run.group, ()):
            timing = run.timing(name)
            if timing is not None and timing.ms is not None:
                network = run.median_ms("onnx", run.group)
                share = f"{timing.ms.median / network:.1%}" if network else "-"
                rows.append((_where(run), TITLES[name], timing.note or "-", _figure(timing.ms.median), share))
    return _table(("model", "work", "input", "ms", "of the graph in ONNX Runtime"), rows)


def _not_run(runs: Sequence[SpeedRun]) -> str:
    return "\n".join(
        f"- {_where(run)}, {_name(timing.subject)}: not run: {timing.not_run}"
        for run in runs
        for timing in run.timings
        if timing.not_run is not None
    )


def _name(subject: Subject) -> str:
    parts = (TITLES[subject.contender], subject.graph, f"K = {subject.num_prompts}" if subject.graph else "")
    return ", ".join(part for part in parts if part)


def _exports(exports: Sequence[FullExport]) -> str:
    return "\n".join(
        f"- {short_name(e.model)} {e.size[0]}x{e.size[1]}, full export in one process: {e.seconds:.0f} s, "
        f"{e.peak_rss_mb} MiB; parity: {', '.join(f'{target} {e.statuses[target]}' for target in e.statuses)}"
        for e in exports
    )


def _caption(records: SpeedRecords) -> str:
    runs = records.runs
    where = where_and_when((run.machine, run.created_utc) for run in runs)
    threads = " or ".join(map(str, sorted({r.threads for r in runs})))
    load = max(r.load_average for r in runs)
    sources = ", ".join(sorted({r.source_sha256[:8] or "unknown" for r in runs}))
    return (
        f"Measured on {where}, {threads} threads, load before a group at most {load:g}, "
        f"source {sources}, with `{records.command}`."
    )


def _where(run: SpeedRun) -> str:
    return f"{short_name(run.model)} {run.size[0]}x{run.size[1]}"


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= _WHOLE_FROM else f"{value:.3g}"
