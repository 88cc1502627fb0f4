"""What apps are asked in tests, whatever they are written in: prompts, and a benchmark's job."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.job import Measured
from rapsam.benchmarks.runners.app_answers import measured_of, read_result
from rapsam.benchmarks.runners.app_contract import BUNDLE, FOLDER, JOB, OUT, AppJob
from rapsam.export.bundle.seal import verify_bundle

RUN = "r1"
RUNTIME = "ONNX Runtime"
_TIMING = Timing(iters=3, min_seconds=0, rounds=1, pause_s=0, warmup_max_s=0, sustained_s=0.1)
_JOB = AppJob(schema_version=1, run_id=RUN, runtime=RUNTIME, threads=1, timing=_TIMING)


def asked(size: tuple[int, int]) -> dict[str, list[tuple[float, ...]]]:
    """Points and boxes on a picture of this height and width, some of them at its borders."""
    height, width = size
    return {
        "points": [(0.0, 0.0), (width * 0.75, height * 0.3), (width - 0.5, height - 0.25)],
        "boxes": [(width * 0.1, height * 0.2, width * 0.8, height * 0.9), (0.0, 0.0, width, height)],
    }


def write_job(documents: Path, bundle: Path, job: AppJob = _JOB) -> None:
    """Puts a benchmark of a bundle, a short one, where an app looks for it in its documents."""
    place = documents / FOLDER / RUN
    place.mkdir(parents=True)
    (place / JOB).write_bytes(msgspec.json.encode(job))
    (place / BUNDLE).symlink_to(bundle)


def judged(documents: Path, bundle: Path, job: AppJob = _JOB) -> Measured:
    """Reads and judges what an app left, as `rapsam bench` does."""
    out = documents / FOLDER / RUN / OUT
    return measured_of(bundle, verify_bundle(bundle), out, read_result(out, job), job.timing, job.runtime)
