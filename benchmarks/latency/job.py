"""What a process is asked to measure, and what it answers; both travel as JSON."""

from __future__ import annotations

import msgspec

from rapsam.benchmarks.latency.facts import GraphRun, Timing
from rapsam.benchmarks.latency.record import Charge, Fidelity, Memory, StageTimes, Temperature, Window

BURST, SUSTAINED, FINISH = "burst", "sustained", "finish"
"""What a process can be told: to take a turn, to run without a pause, to say what it found out."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One variant.

    Attributes:
        path: Bundle or bare file.
        runtime: Name of the runtime.
        threads: CPU threads; None where the runtime has one way only.
        timing: How it is timed.
        cpus: Processors to stay on; None for any.
        shapes: Of inputs of a bare file, by name; see `rapsam.export.backends.bare_file.TakesShapes`.
    """

    path: str
    runtime: str
    threads: int | None
    timing: Timing
    cpus: tuple[int, ...] | None
    shapes: dict[str, tuple[int, ...]] = {}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All that the process found out; see `LatencyRecord` for the fields.

    Attributes:
        input: What it ran on, in words.
        input_sha256: Digest of its values.
        input_shape: Of the image, or of the first input.
    """

    graphs: tuple[GraphRun, ...]
    stages: tuple[StageTimes, ...]
    sustained: tuple[Window, ...] | None
    memory: Memory | None
    thermal: tuple[Temperature, ...] | None
    battery: tuple[Charge, ...] | None
    fidelity: Fidelity | None
    input: str | None
    input_sha256: str | None
    input_shape: tuple[int, ...] | None
    notes: tuple[str, ...]


NOTHING = Measured(
    graphs=(),
    stages=(),
    sustained=None,
    memory=None,
    thermal=None,
    battery=None,
    fidelity=None,
    input=None,
    input_sha256=None,
    input_shape=None,
    notes=(),
)
"""Of a process that hung, crashed or was refused."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to the start and to every line of input.

    Attributes:
        failed: Why nothing more will come; None if all is well.
        measured: Only to "finish".
    """

    failed: str | None = None
    measured: Measured | None = None
