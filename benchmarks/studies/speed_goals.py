"""What was asked of speed and memory, and what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rapsam.benchmarks.studies.speed_records import (
    ENCODER,
    FUSE_CROWD,
    FUSE_SCENE,
    IMAGE,
    PROMPT,
    PUBLISHED,
    SGEMM,
    SpeedRecords,
    SpeedRun,
)

SIZE = (640, 640)
THREADS = 2
Measure = Callable[[SpeedRecords, str], float | None]


class Goal(NamedTuple):
    """One limit that was asked for.

    Attributes:
        model: Variant that it is about.
        text: What is measured, with its unit.
        at_least: Whether the limit is the smallest good value; otherwise it is the largest.
        limit: In the unit of the measure.
        measure: Takes the figure from the records; None where it was not measured.
    """

    model: str
    text: str
    at_least: bool
    limit: float
    measure: Measure

    def met(self, value: float) -> bool:
        """Tells whether a value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit


def roofline_share(run: SpeedRun, contender: str, graph: str) -> float | None:
    """Returns the multiply-adds per second of a graph as a share of those of a large matrix product.

    Multiply-adds of convolutions and matrix products are counted as the graph is written. The runtime may do
    with fewer (Winograd convolution), so that more than 1 is possible.
    """
    found, yardstick = run.timing(contender, graph), run.timing(SGEMM)
    if not (found and yardstick and found.ms and yardstick.ms and found.macs and yardstick.macs):
        return None
    return (found.macs / found.ms.median) / (yardstick.macs / yardstick.ms.median)


def _run(records: SpeedRecords, model: str, group: str) -> SpeedRun | None:
    return records.run(model, SIZE, THREADS, group)


def _ratio(group: str, one: tuple[str, str], other: tuple[str, str]) -> Measure:
    def measure(records: SpeedRecords, model: str) -> float | None:
        run = _run(records, model, group)
        times = (run.median_ms(*one), run.median_ms(*other)) if run else (None, None)
        return times[0] / times[1] if times[0] and times[1] else None

    return measure


def _against_published(graph: str, contender: str) -> Measure:
    return _ratio(graph, (contender, graph), (PUBLISHED, graph))


def _share(records: SpeedRecords, model: str) -> float | None:
    run = _run(records, model, IMAGE)
    return roofline_share(run, "onnx", IMAGE) if run else None


def _export_minutes(records: SpeedRecords, model: str) -> float | None:
    found = records.export(model, SIZE)
    return found.seconds / 60 if found else None


def _export_gb(records: SpeedRecords, model: str) -> float | None:
    found = records.export(model, SIZE)
    return found.peak_rss_mb * 1024**2 / 1e9 if found else None


def _goals(model: str, onnx_limit: float) -> tuple[Goal, ...]:
    network = ("onnx", IMAGE)
    un_rewritten = "of eager un-rewritten"
    return (
        Goal(
            model,
            f"{IMAGE}, ONNX Runtime {un_rewritten}",
            False,
            onnx_limit,
            _against_published(IMAGE, "onnx"),
        ),
        Goal(model, f"{IMAGE}, ONNX Runtime, share of the roofline", True, 0.85, _share),
        Goal(model, f"{IMAGE}, LiteRT {un_rewritten}", False, 0.65, _against_published(IMAGE, "tflite")),
        Goal(
            model, f"{IMAGE}, ExecuTorch {un_rewritten}", False, 0.8, _against_published(IMAGE, "executorch")
        ),
        Goal(
            model, f"{PROMPT}, ONNX Runtime {un_rewritten}", False, 0.03, _against_published(PROMPT, "onnx")
        ),
        Goal(
            model,
            f"{PROMPT} of {ENCODER}, ONNX Runtime",
            False,
            0.02,
            _ratio(PROMPT, ("onnx", PROMPT), ("onnx", ENCODER)),
        ),
        Goal(
            model,
            "post-processing of 20 objects, of the network in ONNX Runtime",
            False,
            0.25,
            _ratio(IMAGE, (FUSE_CROWD, ""), network),
        ),
        Goal(
            model,
            "post-processing of the untrained network's own outputs, of the network in ONNX Runtime",
            False,
            0.25,
            _ratio(IMAGE, (FUSE_SCENE, ""), network),
        ),
    )


GOALS = (
    *_goals("rapsam_r18", 0.55),
    *_goals("rapsam_r50", 0.47),
    Goal("rapsam_r50", "full export for four targets, minutes", False, 4, _export_minutes),
    Goal("rapsam_r50", "full export for four targets, peak GB", False, 4, _export_gb),
)
