"""Who is timed together in `runtime_speed`, and the records of how long each took."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from rapsam.benchmarks.measuring.records import Versioned
from rapsam.machine import Machine

PUBLISHED, REWRITTEN, COMPILED = "published", "rewritten", "compiled"
# Contenders that run a lowered graph; they are called like the target.
LOWERED = ("onnx", "executorch", "tflite")
NETWORKS = (PUBLISHED, REWRITTEN, COMPILED, *LOWERED)
SGEMM, LETTERBOX, FUSE_SCENE, FUSE_CROWD, PROMPT_MASKS = (
    "sgemm",
    "letterbox",
    "fuse_scene",
    "fuse_crowd",
    "prompt_masks",
)
TITLES = {
    PUBLISHED: "eager, un-rewritten",
    REWRITTEN: "eager, rewritten",
    COMPILED: "torch.compile",
    "onnx": "ONNX Runtime",
    "executorch": "ExecuTorch",
    "tflite": "LiteRT",
    SGEMM: "matrix product of PyTorch",
    LETTERBOX: "pre-processing, 1280x960 photo",
    FUSE_SCENE: "panoptic post-processing, own outputs",
    FUSE_CROWD: "panoptic post-processing, 20 objects",
    PROMPT_MASKS: "prompt post-processing",
}
# Groups; the first four are called like the graph that they are about.
IMAGE, ENCODER, PANOPTIC, PROMPT, GROWTH = "panoptic_image", "encoder", "panoptic", "prompt", "prompt_growth"
PROMPT_COUNTS = (1, 4, 16, 64)
GROWING = (PUBLISHED, REWRITTEN, "onnx")


class Quartiles(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of one pass over all rounds."""

    first: float
    median: float
    third: float


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is timed.

    Attributes:
        contender: Key of `TITLES`.
        graph: Graph that it runs; empty for work around the network.
        num_prompts: Prompts per pass.
    """

    contender: str
    graph: str = ""
    num_prompts: int = 1


def _all_networks(graph: str) -> tuple[Subject, ...]:
    # The matrix product is in every group: it is the yardstick of the roofline.
    return (
        *(Subject(contender=name, graph=graph) for name in NETWORKS),
        Subject(contender=SGEMM),
    )


GROUPS: dict[str, tuple[Subject, ...]] = {
    IMAGE: (
        *_all_networks(IMAGE),
        *(Subject(contender=name) for name in (LETTERBOX, FUSE_SCENE, FUSE_CROWD)),
    ),
    ENCODER: _all_networks(ENCODER),
    PANOPTIC: _all_networks(PANOPTIC),
    PROMPT: (
        *_all_networks(PROMPT),
        Subject(contender="onnx", graph=ENCODER),
        Subject(contender=PROMPT_MASKS),
    ),
    GROWTH: tuple(
        Subject(contender=name, graph=PROMPT, num_prompts=count)
        for count in PROMPT_COUNTS
        for name in GROWING
    ),
}


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One subject and its times.

    Attributes:
        subject: What was timed.
        ms: Time of a pass, or None if it did not run.
        not_run: Why it did not run, or None.
        macs: Multiply-adds of a pass, or None where they are not counted.
        peak_rss_mb: Largest resident memory of its process, MiB: loading, and for PyTorch building too.
        note: What the reader must know of its input.
    """

    subject: Subject
    ms: Quartiles | None
    not_run: str | None
    macs: int | None
    peak_rss_mb: int | None
    note: str


class SpeedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One group of subjects, timed in turns: ratios within a run can be trusted, across runs they cannot.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Real runtimes only.
        model: Variant.
        weights: Where the weights come from.
        size: Image height and width.
        threads: CPU threads of every subject.
        rounds: Turns that everyone had.
        group: Key of `GROUPS`.
        load_average: Running processes over the minute before; near 0 on a quiet machine.
        source_sha256: Of the code that decides what a bundle holds; see `rapsam.export.build.source`.
        tool_versions: Packages that ran.
        timings: One per subject.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured"] = "measured"
    model: str
    weights: str
    size: tuple[int, int]
    threads: int
    rounds: int
    group: str
    load_average: float
    source_sha256: str = ""
    tool_versions: dict[str, str]
    timings: tuple[Timing, ...]

    def timing(self, contender: str, graph: str = "", num_prompts: int = 1) -> Timing | None:
        """Finds a subject; None if this run is not about it."""
        wanted = Subject(contender=contender, graph=graph, num_prompts=num_prompts)
        return next((timing for timing in self.timings if timing.subject == wanted), None)

    def median_ms(self, contender: str, graph: str = "", num_prompts: int = 1) -> float | None:
        """Returns a subject's median time; None if it did not run."""
        timing = self.timing(contender, graph, num_prompts)
        return timing.ms.median if timing and timing.ms else None


class FullExport(msgspec.Struct, frozen=True, kw_only=True):
    """The export of one model for all targets, with golden files and parity, in one process.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Always measured.
        model: Variant.
        size: Image height and width.
        source_sha256: As in `SpeedRun`.
        statuses: Target to the verdict of its parity, in the order of the export.
        seconds: All targets together, from the built model on.
        peak_rss_mb: Largest resident memory of the process, MiB.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured"] = "measured"
    model: str
    size: tuple[int, int]
    source_sha256: str = ""
    statuses: dict[str, str]
    seconds: float
    peak_rss_mb: int


class SpeedRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/runtime_speed.json`."""

    runs: tuple[SpeedRun, ...] = ()
    exports: tuple[FullExport, ...] = ()

    def run(self, model: str, size: tuple[int, int], threads: int, group: str) -> SpeedRun | None:
        """Finds a run; None if it has not been measured."""
        wanted = (model, size, threads, group)
        return next((r for r in self.runs if (r.model, r.size, r.threads, r.group) == wanted), None)

    def export(self, model: str, size: tuple[int, int]) -> FullExport | None:
        """Finds a full export; None if it has not been measured."""
        return next((e for e in self.exports if (e.model, e.size) == (model, size)), None)


def quartiles(seconds: list[float]) -> Quartiles:
    """Summarises the times of a subject, seconds, in milliseconds."""
    first, median, third = (round(float(q) * 1e3, 3) for q in np.percentile(seconds, [25, 50, 75]))
    return Quartiles(first=first, median=median, third=third)
