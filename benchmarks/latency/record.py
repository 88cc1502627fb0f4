"""The record of one run: what was run where and how, how long it took, and whether it was right.

What is not known is null, never 0: a machine without a thermometer has no temperature. Times are real ones,
of the runtime that is named; an emulator of ours has none.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from rapsam.benchmarks.latency.distribution import Distribution, Ms
from rapsam.benchmarks.latency.facts import (
    END,
    MAX_ITEMS,
    AppFacts,
    ComputeFacts,
    Conditions,
    Count,
    DeviceFacts,
    GraphRun,
    ModelFacts,
    Part,
    RuntimeFacts,
    Seconds,
    Text,
    Texts,
)
from rapsam.export.parity.report import Status

SCHEMA_VERSION = 1
MAX_SAMPLES = 200_000
"""Of one stage."""
Provenance = Literal["measured", "emulated", "estimated"]
Mode = Literal["burst", "sustained"]
StageKind = Literal["preprocess", "graph", "pipeline", "postprocess", "click", "end_to_end"]


class StageTimes(Part, frozen=True, kw_only=True):
    """Times of one stage.

    Attributes:
        kind: "preprocess" an image; a "graph"; a "pipeline", all graphs of a task one after another, where
            what is around them does not run on the device; "postprocess" what a task's graphs return; a
            "click", from an encoded image to a mask; "end_to_end", from an image to the result of a task.
        of: The graph or the task; null where there is one only.
        mode: "burst": in turns, with pauses. "sustained": without a pause, so that the device warms up.
        ms: Statistics.
        samples_ms: All samples, in order.
        min_duration_met: Whether the samples together last as long as was wanted.
        min_count_met: Whether there are as many as were wanted.
    """

    kind: StageKind
    of: Text | None
    mode: Mode
    ms: Distribution
    samples_ms: Annotated[tuple[Ms, ...], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]
    min_duration_met: bool
    min_count_met: bool

    @property
    def name(self) -> str:
        """The stage for people, as in "graph encoder"."""
        return self.kind if self.of is None else f"{self.kind} {self.of}"


class Window(Part, frozen=True, kw_only=True):
    """A piece of the sustained run.

    Attributes:
        t_s: Its end, since the run began.
        n: Samples.
        p50_ms: Median.
    """

    t_s: Seconds
    n: Count
    p50_ms: Ms


class Memory(Part, frozen=True, kw_only=True):
    """Memory of the process that ran the graphs, MiB.

    Attributes:
        baseline_mb: Before any graph was loaded.
        peak_mb: Largest until the end.
        metric: What was read, as in "VmHWM".
    """

    baseline_mb: Count | None
    peak_mb: Count
    metric: Text


class Temperature(Part, frozen=True, kw_only=True):
    """One reading of one thermometer; seconds since the graphs were loaded."""

    t_s: Seconds
    sensor: Text
    celsius: Annotated[float, msgspec.Meta(ge=-100, le=300)]


class Charge(Part, frozen=True, kw_only=True):
    """One reading of the battery; seconds since the graphs were loaded."""

    t_s: Seconds
    percent: Annotated[float, msgspec.Meta(ge=0, le=100)]
    charging: bool | None


class FidelityRow(Part, frozen=True, kw_only=True):
    """One output of a graph on one input of the self-test; see `rapsam.export.parity.report.TensorParity`."""

    graph: Text
    output: Text
    case: Text
    status: Status
    reason: Text
    max_abs: Annotated[float, msgspec.Meta(ge=0)] | None
    cosine: Annotated[float, msgspec.Meta(ge=-1.001, le=1.001)] | None
    sqnr_db: float | None


class Fidelity(Part, frozen=True, kw_only=True):
    """What the self-test gave, in this runtime with these settings.

    Attributes:
        status: The worst of its rows.
        cases: Inputs.
        worst: The output that is farthest from the reference, as "graph.output on case".
        worst_sqnr_db: Its signal-to-noise ratio; null where no output differs at all.
        mean_sqnr_db: Mean over all outputs that differ.
        max_abs: Largest difference of any output.
        rows: Every output of every case.
    """

    status: Status
    cases: Count
    worst: Text | None
    worst_sqnr_db: float | None
    mean_sqnr_db: float | None
    max_abs: Annotated[float, msgspec.Meta(ge=0)] | None
    rows: Annotated[tuple[FidelityRow, ...], msgspec.Meta(max_length=MAX_ITEMS)]


class Validity(Part, frozen=True, kw_only=True):
    """Whether times may be believed.

    Attributes:
        min_duration_met: Of all stages.
        min_count_met: Of all stages.
        is_warm: All graphs.
    """

    min_duration_met: bool
    min_count_met: bool
    is_warm: bool


class LatencyRecord(Part, frozen=True, kw_only=True):
    """One run.

    Attributes:
        schema_version: Of this format.
        run_id: Different for every run.
        created_utc: When, ISO 8601.
        status: "done", or "failed": it crashed, hung, was refused, or was wrong.
        error: Why it failed, one line; else null.
        runner: Where it ran, as in "local".
        provenance: Of all figures of the record.
        device: The machine.
        app: What measured.
        runtime: What ran the graphs.
        model: What was run.
        compute: What computed.
        conditions: How it was timed.
        graphs: Each graph from its file to a steady state.
        stages: Times; none where the runtime's are not its own, or it is no real one.
        sustained: Medians over time of the sustained run; null without one.
        memory: Null where it is not known.
        thermal: Readings, null where there is no thermometer.
        battery: Readings, null where there is no battery.
        validity: Null without times.
        fidelity: Null where there is no self-test, or it could not begin.
        notes: What a reader of the figures must know.
    """

    schema_version: int
    run_id: Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f]{{32}}{END}")]
    created_utc: Text
    status: Literal["done", "failed"]
    error: Text | None
    runner: Text
    provenance: Provenance
    device: DeviceFacts
    app: AppFacts
    runtime: RuntimeFacts
    model: ModelFacts
    compute: ComputeFacts
    conditions: Conditions
    graphs: Annotated[tuple[GraphRun, ...], msgspec.Meta(max_length=MAX_ITEMS)]
    stages: Annotated[tuple[StageTimes, ...], msgspec.Meta(max_length=MAX_ITEMS)]
    sustained: Annotated[tuple[Window, ...], msgspec.Meta(max_length=MAX_SAMPLES)] | None
    memory: Memory | None
    thermal: Annotated[tuple[Temperature, ...], msgspec.Meta(max_length=MAX_SAMPLES)] | None
    battery: Annotated[tuple[Charge, ...], msgspec.Meta(max_length=MAX_SAMPLES)] | None
    validity: Validity | None
    fidelity: Fidelity | None
    notes: Texts

    @property
    def is_right(self) -> bool:
        """Whether the self-test ran and no output failed."""
        return self.status == "done" and self.fidelity is not None and self.fidelity.status != "failed"
