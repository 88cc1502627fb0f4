"""The runs in a table, and of each all that its record says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rapsam.benchmarks.latency.facts import GraphRun
from rapsam.benchmarks.latency.names import runtime_name
from rapsam.benchmarks.latency.record import Fidelity, FidelityRow, LatencyRecord, StageTimes
from rapsam.benchmarks.latency.verdict import headline
from rapsam.benchmarks.report.page.markup import Child, Markup, data_table, element, joined
from rapsam.benchmarks.report.page.runs import NumberedRun, badge, badges, flags
from rapsam.benchmarks.report.page.scatter import is_equal
from rapsam.benchmarks.report.words import (
    UNKNOWN,
    count,
    counted,
    decibels,
    megabytes,
    milliseconds,
    percent,
    text,
)

_RUNS = (
    *("run", "model", "device", "runtime", "threads", "computes on", "p50", "self-test, worst output"),
    *("size", "peak memory", "provenance, flags", "command"),
)
_STAGES = ("stage", "p50", "p5", "p90", "p95", "p99", "trimmed mean", "std", "min", "max", "samples")
_GRAPHS = (
    *("graph", "size", "load", "compile", "first", "warm-up", "computes on"),
    *("delegate", "of MACs", "operators", "pieces", "report"),
)
_ROWS = ("output", "input", "status", "SQNR", "cosine", "largest difference", "reason")
MAX_ROWS = 40
"""Of a table about one run; what is worst comes first."""
_BADNESS = {"failed": 0, "benign": 1, "passed": 2, "not meaningful": 3, "not run": 4}


def runs_table(runs: Sequence[NumberedRun]) -> Markup:
    """Shows a line for every run."""
    return data_table(_RUNS, map(_run_cells, runs), "All runs", "runs")


def run_details(runs: Sequence[NumberedRun]) -> Markup:
    """Shows for every run stages, graphs, self-test and conditions, folded up."""
    return joined(*map(_details, runs))


def _run_cells(run: NumberedRun) -> tuple[Child, ...]:
    record = run.record
    stage = headline(record)
    memory = record.memory
    return (
        element("a", run.label, href=f"#run-{run.number}"),
        _model(record),
        run.place,
        runtime_name(record),
        count(record.compute.threads),
        _units(record.compute.reported),
        UNKNOWN if stage is None else f"{milliseconds(stage.ms.p50)}, {stage.name}",
        joined(
            _status(record), None if record.fidelity is None else f", {worst_output(record)}{_mean(record)}"
        ),
        megabytes(record.model.size_bytes),
        UNKNOWN if memory is None else f"{memory.peak_mb:,} MiB",
        joined(badges(run), " ", "; ".join(flags(run))),
        element("code", record.conditions.command),
    )


def _model(record: LatencyRecord) -> str:
    model = record.model
    recipe = "bare file" if model.kind == "file" else text(model.recipe)
    return model.file if model.file == recipe else f"{model.file} ({recipe})"


def worst_output(record: LatencyRecord) -> str:
    """Returns the ratio of the output that is farthest from the reference."""
    if is_equal(record):
        return "no difference"
    return decibels(None if record.fidelity is None else record.fidelity.worst_sqnr_db)


def _mean(record: LatencyRecord) -> str:
    """The mean stands beside the worst where there is one."""
    mean = None if record.fidelity is None else record.fidelity.mean_sqnr_db
    return "" if mean is None else f" (mean {decibels(mean)})"


def _status(record: LatencyRecord) -> Markup:
    status = "not compared" if record.fidelity is None else record.fidelity.status
    return element("span", status, class_="bad" if status == "failed" else None)


def _details(run: NumberedRun) -> Markup:
    record = run.record
    return element(
        "details",
        element("summary", f"{run.name} ", badges(run)),
        element("p", f"Failed: {record.error}", class_="bad") if record.error else None,
        data_table(_STAGES, map(_stage_cells, record.stages[:MAX_ROWS]), "Times") if record.stages else None,
        data_table(_GRAPHS, map(_graph_cells, record.graphs[:MAX_ROWS]), "Graphs") if record.graphs else None,
        None if record.fidelity is None else _fidelity(record.fidelity),
        element("dl", *_facts(record)),
        *(element("p", f"Note: {note}") for note in record.notes[:MAX_ROWS]),
        id=f"run-{run.number}",
    )


def _stage_cells(stage: StageTimes) -> tuple[Child, ...]:
    ms = stage.ms
    name = stage.name if stage.mode == "burst" else f"{stage.name}, sustained"
    times = (ms.p50, ms.p5, ms.p90, ms.p95, ms.p99, ms.trimmed_mean, ms.std, ms.min, ms.max)
    short = "" if stage.min_count_met and stage.min_duration_met else ", too few"
    return name, *map(milliseconds, times), f"{ms.n:,}{short}"


def _graph_cells(graph: GraphRun) -> tuple[Child, ...]:
    times = (graph.load_ms, graph.compile_ms, graph.first_ms, graph.average_warmup_ms)
    inside, total = count(graph.nodes_delegated), count(graph.nodes_total)
    return (
        graph.graph,
        megabytes(graph.size_bytes),
        *map(milliseconds, times),
        _units(graph.reported),
        text(graph.delegate),
        percent(graph.delegated_mac_share),
        UNKNOWN if graph.nodes_total is None else f"{inside} of {total}",
        count(graph.partitions),
        badge(graph.delegate_provenance) if graph.delegate_provenance else UNKNOWN,
    )


def _fidelity(found: Fidelity) -> Markup:
    rows = sorted(found.rows, key=_badness)
    more = f", the worst {MAX_ROWS} of {len(rows)} comparisons" if len(rows) > MAX_ROWS else ""
    caption = f"Self-test: {found.status}, {found.cases} inputs{more}"
    return data_table(_ROWS, map(_fidelity_cells, rows[:MAX_ROWS]), caption)


def _badness(row: FidelityRow) -> tuple[int, float]:
    return _BADNESS[row.status], float("inf") if row.sqnr_db is None else row.sqnr_db


def _fidelity_cells(row: FidelityRow) -> tuple[Child, ...]:
    equal = row.sqnr_db is None and row.max_abs == 0
    return (
        f"{row.graph}.{row.output}",
        row.case,
        element("span", row.status, class_="bad" if row.status == "failed" else None),
        "no difference" if equal else decibels(row.sqnr_db),
        UNKNOWN if row.cosine is None else f"{row.cosine:.6f}",
        UNKNOWN if row.max_abs is None else f"{row.max_abs:.3g}",
        row.reason,
    )


def _facts(record: LatencyRecord) -> Iterator[Markup]:
    device, app, conditions, compute = record.device, record.app, record.conditions, record.compute
    cores, memory = count(device.cores), "" if device.ram_mb is None else f", {device.ram_mb:,} MiB"
    system = " ".join(filter(None, (device.os, device.os_version, device.os_build)))
    facts = {
        "command": element("code", conditions.command),
        "measured": f"{record.created_utc}, run {record.run_id}, by rapsam {app.version}",
        "device": f"{text(device.soc)}, {cores} cores{memory}; {system or UNKNOWN}",
        "load before": UNKNOWN if device.load_average is None else f"{device.load_average:g}",
        "power": _power(record),
        "runtime": f"{runtime_name(record)}; {_versions(record)}",
        "asked of": f"{compute.requested}, threads {count(compute.threads)}, processors {_cpus(record)}",
        "order": f"{counted(conditions.variants, 'variant')}, {conditions.order}",
        "input": text(conditions.input),
        "model": f"{record.model.file}, SHA-256 {record.model.sha256}",
        "memory": UNKNOWN
        if record.memory is None
        else f"{record.memory.peak_mb:,} MiB, {record.memory.metric}",
        "temperature": _temperature(record),
    }
    for name, value in facts.items():
        yield joined(element("dt", name), element("dd", value))


def _versions(record: LatencyRecord) -> str:
    return ", ".join(
        f"{name} {version}" for name, version in list(record.runtime.versions.items())[:MAX_ROWS]
    )


def _cpus(record: LatencyRecord) -> str:
    cpus = record.compute.cpus
    return UNKNOWN if cpus is None else ", ".join(map(str, cpus[:MAX_ROWS]))


def _power(record: LatencyRecord) -> str:
    device = record.device
    charge = UNKNOWN if device.battery_pct is None else f"{device.battery_pct:g} %"
    charging = {True: "charging", False: "not charging", None: "charging unknown"}[device.charging]
    return f"battery {charge}, {charging}"


def _temperature(record: LatencyRecord) -> str:
    if not record.thermal:
        return UNKNOWN
    first, hottest = record.thermal[0], max(record.thermal, key=lambda reading: reading.celsius)
    return f"{first.celsius:.1f} °C at first, at most {hottest.celsius:.1f} °C ({hottest.sensor})"


def _units(units: tuple[str, ...] | None) -> str:
    return UNKNOWN if units is None else ", ".join(units[:MAX_ROWS])
