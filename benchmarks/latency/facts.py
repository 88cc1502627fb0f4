"""What was run, where and how: one half of a record, and the types of its fields."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from rapsam.benchmarks.latency.distribution import Ms

MAX_TEXT = 1000
MAX_ITEMS = 1000
# The end in Python and in JavaScript, which reads the schema: "$" may have a line break behind it.
END = r"(?![\s\S])"

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT, pattern=rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*{END}")]
Sha256 = Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f]{{64}}{END}")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(max_length=MAX_ITEMS)]
Versions = Annotated[dict[Text, Text], msgspec.Meta(max_length=MAX_ITEMS)]


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
