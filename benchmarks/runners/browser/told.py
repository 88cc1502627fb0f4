"""What the page tells, as it may come from anyone who has the address: typed, and bounded."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from rapsam.benchmarks.latency.distribution import Ms
from rapsam.benchmarks.latency.facts import Count, Part, Text, Texts
from rapsam.benchmarks.latency.record import MAX_SAMPLES, Charge, Mode, StageKind, Window

MAX_GREETING_BYTES = 16 * 1024
MAX_PROGRESS_BYTES = 4 * 1024
MAX_RECORD_BYTES = 32 * 1024**2
MAX_GRAPHS = 100
MAX_STAGES = 300
Line = Annotated[str, msgspec.Meta(max_length=300)]


class Brand(Part, frozen=True, kw_only=True):
    """A name that a browser gives itself, with its version; some are made up on purpose."""

    name: Text
    version: Text


class ToldDevice(Part, frozen=True, kw_only=True):
    """What a browser tells of itself and the device; null where it does not.

    Attributes:
        user_agent: The line that it sends everywhere, partly frozen in newer browsers.
        brands: Its names.
        platform: As in "Android".
        platform_version: Of the system.
        model: Of the device.
        architecture: As in "arm".
        processors: How many it says that there are; some say fewer.
        is_secure: Whether the page came over https, or from the device itself.
        is_isolated: Whether threads can share memory.
        clock_step_ms: Smallest step of the clock that times are taken with.
        battery_percent: State of charge.
        is_charging: Whether it is charged.
    """

    user_agent: Text
    brands: Annotated[tuple[Brand, ...], msgspec.Meta(max_length=8)]
    platform: Text | None
    platform_version: Text | None
    model: Text | None
    architecture: Text | None
    processors: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None
    is_secure: bool
    is_isolated: bool
    clock_step_ms: Annotated[float, msgspec.Meta(ge=0, le=1000)]
    battery_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] | None
    is_charging: bool | None


class Greeting(Part, frozen=True, kw_only=True):
    """The first thing that the page says.

    Attributes:
        session: A number that stays when the page is loaded anew.
        device: What the browser tells.
    """

    session: Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern="^[0-9a-f-]*$")]
    device: ToldDevice


class Progress(Part, frozen=True, kw_only=True):
    """A line for the one who waits; also the sign that the page lives."""

    line: Line


class ToldGraph(Part, frozen=True, kw_only=True):
    """See `GraphRun`."""

    graph: Text
    reported: Texts | None
    load_ms: Ms
    first_ms: Ms
    average_warmup_ms: Ms
    warmup_iters: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
    is_warm: bool


class ToldStage(Part, frozen=True, kw_only=True):
    """See `StageTimes`; statistics are made from the samples here."""

    kind: StageKind
    of: Text | None
    mode: Mode
    samples_ms: Annotated[tuple[Ms, ...], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]


class PageRecord(Part, frozen=True, kw_only=True):
    """What came of a variant.

    Attributes:
        failed: Why nothing did; null if all went well, and then the rest is there.
        is_offered: False where this browser, or this page, has no such unit.
        version: Of the runtime, as it says itself.
        threads: That the runtime really has; null where it does not say.
        graphs: In the order of the manifest.
        stages: Times.
        sustained: Of the sustained run.
        battery: Readings.
        was_hidden: Whether the page was in the background at any time.
    """

    failed: Text | None
    is_offered: bool
    version: Text | None = None
    threads: Count | None = None
    graphs: Annotated[tuple[ToldGraph, ...], msgspec.Meta(max_length=MAX_GRAPHS)] = ()
    stages: Annotated[tuple[ToldStage, ...], msgspec.Meta(max_length=MAX_STAGES)] = ()
    sustained: Annotated[tuple[Window, ...], msgspec.Meta(max_length=MAX_SAMPLES)] | None = None
    battery: Annotated[tuple[Charge, ...], msgspec.Meta(max_length=MAX_SAMPLES)] = ()
    was_hidden: bool = False


class Verdict(Part, frozen=True, kw_only=True):
    """What the page shows of a record.

    Attributes:
        status: Of the record, or that this browser has no such unit.
        error: Why it failed, or is not offered.
        self_test: Status of the self-test; null without one.
        worst: The output that is farthest from the reference.
        stages: Medians.
    """

    status: Literal["done", "failed", "not offered"]
    error: str | None
    self_test: str | None
    worst: str | None
    stages: tuple[Median, ...]


class Median(Part, frozen=True, kw_only=True):
    """Median of a stage, and how often it ran."""

    name: str
    p50_ms: float
    n: int
