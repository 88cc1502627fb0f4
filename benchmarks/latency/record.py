"""The record of one run: what was run where and how, how long it took, and whether it was right.

What is not known is null, never 0: a machine without a thermometer has no temperature. Times are real ones,
of the runtime that is named; an emulator of ours has none.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from rapsam.benchmarks.latency.distribution import Distribution, Ms
from rapsam.export.parity.report import Status

SCHEMA_VERSION = 1
MAX_TEXT = 1000
MAX_ITEMS = 1000
MAX_SAMPLES = 200_000
"""Of one stage."""
# The end in Python and in JavaScript, which reads the schema: "$" may have a line break behind it.
_END = r"(?![\s\S])"

Text = Annotated[
    str, msgspec.Meta(max_length=MAX_TEXT, pattern=rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*{_END}")
]
Sha256 = Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f]{{64}}{_END}")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(max_length=MAX_ITEMS)]
Versions = Annotated[dict[Text, Text], msgspec.Meta(max_length=MAX_ITEMS)]

Provenance = Literal["measured", "emulated", "estimated"]
Mode = Literal["burst", "sustained"]
StageKind = Literal["preprocess", "graph", "postprocess", "click", "end_to_end"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts of a record: fields that are not known are refused."""


class DeviceFacts(Part, frozen=True, kw_only=True):
    """The machine that ran it.

    Attributes:
        platform: "linux", "darwin", "android", "ios", ...
        id: Serial number or UDID, where a runner knows several devices.
        model: Maker's name of the model.
        marketing_name: What the shop calls it.
        soc: Processor.
        cores: Processors that there are.
        ram_mb: Memory, MiB.
        os: Operating system.
        os_version: Its version.
        os_build: Its build.
        api_level: Of Android.
        low_power: Whether it saves power.
        battery_pct: State of charge before the run.
        charging: Whether it was charged before the run.
        load_average: Processes that wanted to run in the minute before: above 0 others took part.
    """

    platform: Text
    id: Text | None
    model: Text | None
    marketing_name: Text | None
    soc: Text | None
    cores: Count | None
    ram_mb: Count | None
    os: Text | None
    os_version: Text | None
    os_build: Text | None
    api_level: Count | None
    low_power: bool | None
    battery_pct: Annotated[float, msgspec.Meta(ge=0, le=100)] | None
    charging: bool | None
    load_average: Annotated[float, msgspec.Meta(ge=0)] | None


class AppFacts(Part, frozen=True, kw_only=True):
    """What measured.

    Attributes:
        version: Of this toolkit.
        source_sha256: Digest of its source.
        build_type: Of an app, "debug" or "release".
    """

    version: Text
    source_sha256: Sha256 | None
    build_type: Text | None


class RuntimeFacts(Part, frozen=True, kw_only=True):
    """What ran the graphs.

    Attributes:
        name: As parity reports have it.
        version: Of the package that it comes in.
        versions: Of all that took part, by package.
        binary_sha256: Digest of its library.
    """

    name: Text
    version: Text | None
    versions: Versions
    binary_sha256: Sha256 | None


class ModelFacts(Part, frozen=True, kw_only=True):
    """What was run.

    Attributes:
        kind: "bundle" of 'rapsam export', or a bare "file" whose contract was derived from itself.
        file: Name of the folder or file, without its place.
        sha256: Of the file; of a bundle, of its manifest, which holds the digests of all files.
        size_bytes: Of the file, or of all graphs.
        name: Variant of the network; null for a bare file.
        recipe: How it was lowered; null for a bare file.
        precision: Of the recipe.
        input_shape: Of the image, else of the first input.
        tasks: What the graphs do together.
    """

    kind: Literal["bundle", "file"]
    file: Text
    sha256: Sha256
    size_bytes: Count
    name: Text | None
    recipe: Text | None
    precision: Text | None
    input_shape: Annotated[tuple[Count, ...], msgspec.Meta(max_length=8)] | None
    tasks: Texts


class GraphRun(Part, frozen=True, kw_only=True):
    """One graph, from its file to a steady state.

    Attributes:
        graph: Name.
        file: Path in the bundle, or the file.
        sha256: Digest of the artifact.
        size_bytes: Of the artifact.
        reported: What computes, as the runtime reports it once the graph is loaded, preferred first; null
            if it does not say.
        delegate: What the artifact's own report says that takes parts over; null where there is no report.
        delegate_provenance: "measured" or "estimated"; of that report.
        partitions: Pieces that the delegate gets, by the report.
        nodes_delegated: Operators in the delegate, by the report.
        nodes_total: Operators.
        delegated_mac_share: Share of the multiply-adds in the delegate, by the report.
        load_ms: From the file to a graph that can run, with what the runtime compiles then.
        compile_ms: Where the runtime compiles apart from loading; else null.
        first_ms: The first inference.
        average_warmup_ms: Mean of the inferences after it, until they were steady; null if there was none.
        warmup_iters: How many that were.
        is_warm: Whether they became steady before the time for it was over.
    """

    graph: Text
    file: Text
    sha256: Sha256
    size_bytes: Count
    reported: Texts | None
    delegate: Text | None
    delegate_provenance: Literal["measured", "estimated"] | None
    partitions: Count | None
    nodes_delegated: Count | None
    nodes_total: Count | None
    delegated_mac_share: Share | None
    load_ms: Ms | None
    compile_ms: Ms | None
    first_ms: Ms | None
    average_warmup_ms: Ms | None
    warmup_iters: Count | None
    is_warm: bool | None


class ComputeFacts(Part, frozen=True, kw_only=True):
    """What was asked of the device, and what was got.

    Attributes:
        requested: The unit that was asked for.
        reported: What all graphs together report; null where none does.
        threads: CPU threads; null where the runtime chooses.
        cpus: Processors that the process was pinned to; null where it was not.
    """

    requested: Text
    reported: Texts | None
    threads: Count | None
    cpus: Annotated[tuple[Count, ...], msgspec.Meta(max_length=MAX_ITEMS)] | None


class Timing(Part, frozen=True, kw_only=True):
    """How a run is timed.

    Attributes:
        iters: Least samples of a stage.
        min_seconds: Least time of a stage, all samples together.
        max_seconds: A stage ends then, whatever it lacks.
        rounds: Turns among which that is divided.
        pause_s: Between turns.
        warmup_max_s: Time for a graph to become steady.
        stages: Those that were wanted, by kind, subject or both; none for all.
        sustained_s: How long the first stage that is whole runs on without a pause; null for not at all.
    """

    iters: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    min_seconds: Seconds = 1.0
    max_seconds: Seconds = 60.0
    rounds: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    pause_s: Seconds = 0.1
    warmup_max_s: Seconds = 5.0
    stages: Texts = ()
    sustained_s: Seconds | None = None


class Conditions(Part, frozen=True, kw_only=True):
    """How this run was timed.

    Attributes:
        timing: The protocol.
        command: What measured, as it can be typed.
        variants: How many took turns.
        order: How they did.
        input: What was run on, in words.
        input_sha256: Digest of its values; null where it is not kept.
    """

    timing: Timing
    command: Text
    variants: Count
    order: Text
    input: Text | None
    input_sha256: Sha256 | None


class StageTimes(Part, frozen=True, kw_only=True):
    """Times of one stage.

    Attributes:
        kind: "preprocess" an image; a "graph"; "postprocess" what a task's graphs return; a "click", from an
            encoded image to a mask; "end_to_end", from an image to the result of a task.
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
    run_id: Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f]{{32}}{_END}")]
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
