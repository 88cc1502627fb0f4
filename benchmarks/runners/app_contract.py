"""What this toolkit and a sample app on a phone tell each other, in files; docs/latency.md has it in words.

The app is not trusted: what it writes is read within limits, statistics are made here from its samples, and
its outputs are judged here.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from rapsam.benchmarks.latency.distribution import Ms
from rapsam.benchmarks.latency.facts import MAX_ITEMS, Count, Part, Text, Texts, Timing
from rapsam.benchmarks.latency.record import MAX_SAMPLES, Charge, Memory, Mode, StageKind, Window

SCHEMA_VERSION = 1
APP_ID = "org.rapsam.sample"
"""By which phones know the sample app, of iOS and Android."""
FOLDER = "rapsam-bench"
"""In the app's documents; below it, a folder of its own for every run."""
JOB, BUNDLE, OUT, RESULT = "job.json", "bundle", "out", "result.json"
"""In the folder of a run: what is asked, on what; and where the app writes, first of all the result."""
DONE = "benchmark.done"
"""In the app's documents; holds the number of the run, and is written last."""
ARGUMENT = "--rapsam-benchmark"
"""With the number of the run behind it, at launch; Android's extra has its name without the dashes."""
MAX_RESULT_BYTES = 64 << 20
_Samples = Annotated[tuple[Ms, ...], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]


class AppJob(Part, frozen=True, kw_only=True):
    """What an app is asked.

    Attributes:
        schema_version: Of this contract.
        run_id: Number of the run, the name of its folder.
        runtime: What is to run the graphs, with the compute unit, as in "Core ML, CPU".
        threads: CPU threads; null where the runtime chooses.
        timing: How it is timed.
    """

    schema_version: int
    run_id: Text
    runtime: Text
    threads: Count | None
    timing: Timing


class AppGraph(Part, frozen=True, kw_only=True):
    """A graph as it was loaded; see `GraphRun`."""

    graph: Text
    reported: Texts | None
    load_ms: Ms | None
    compile_ms: Ms | None
    first_ms: Ms | None
    average_warmup_ms: Ms | None
    warmup_iters: Count | None
    is_warm: bool | None


class AppStage(Part, frozen=True, kw_only=True):
    """Times of a stage; see `StageTimes`."""

    kind: StageKind
    of: Text | None
    mode: Mode
    samples_ms: _Samples


class AppPhone(Part, frozen=True, kw_only=True):
    """What only a program on the phone can tell; see `DeviceFacts`."""

    cores: Count | None
    ram_mb: Count | None
    low_power: bool | None
    battery_pct: Annotated[float, msgspec.Meta(ge=0, le=100)] | None
    charging: bool | None


class AppResult(Part, frozen=True, kw_only=True):
    """What an app found out.

    Attributes:
        schema_version: Of this contract.
        run_id: Of the job.
        error: Why there is nothing else, one line; else null.
        app_version: Of the app.
        build_type: "debug" or "release".
        runtime_version: Of what ran the graphs.
        phone: Before the run.
        graphs: In the order of the manifest.
        stages: In the order in which they were timed.
        sustained: Null without a sustained run.
        memory: Null where it is not known.
        battery: Null where it is not known.
        thermal_states: What the system called its heat, in order, as in "nominal"; null where it did not.
        input: What was timed, in words.
    """

    schema_version: int
    run_id: Text
    error: Text | None
    app_version: Text
    build_type: Text
    runtime_version: Text | None
    phone: AppPhone
    graphs: Annotated[tuple[AppGraph, ...], msgspec.Meta(max_length=MAX_ITEMS)]
    stages: Annotated[tuple[AppStage, ...], msgspec.Meta(max_length=MAX_ITEMS)]
    sustained: Annotated[tuple[Window, ...], msgspec.Meta(max_length=MAX_SAMPLES)] | None
    memory: Memory | None
    battery: Annotated[tuple[Charge, ...], msgspec.Meta(max_length=MAX_SAMPLES)] | None
    thermal_states: Texts | None
    input: Text | None


def output_file(case: int, graph: int, output: int) -> str:
    """Names the file, beside the result, of an output: float32, little-endian, in C order.

    Args:
        case: Place of the case in the bundle's `golden/index.json`, from 0.
        graph: Place of the graph in the manifest, from 0.
        output: Place of the output in the graph's contract, from 0.
    """
    return f"case{case}.graph{graph}.output{output}.bin"
