"""Exports one model for all targets in one process, and records seconds and memory."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import msgspec

from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.measuring.timing import in_own_process, peak_rss_mb
from rapsam.benchmarks.studies.export_matrix import TARGETS
from rapsam.benchmarks.studies.speed_lowering import WEIGHTS
from rapsam.benchmarks.studies.speed_records import FullExport
from rapsam.machine import this_machine


def main() -> None:
    """Exports what the option `--one` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", metavar="JSON", required=True)
    model, size = json.loads(parser.parse_args().one)
    print(msgspec.json.encode(export_all(model, tuple(size))).decode())


def export_in_own_process(model: str, size: tuple[int, int]) -> FullExport:
    """Does `export_all` in a process of its own, so that nothing else counts."""
    return in_own_process("rapsam.benchmarks.studies.full_export", [model, size], FullExport)


def export_all(model_name: str, size: tuple[int, int]) -> FullExport:
    """Exports a model with formula weights and default tasks, as one call of `rapsam export` does.

    The cache of stages is empty at first.
    """
    import rapsam
    from rapsam.export.build.bundle import make_bundle
    from rapsam.export.build.cache import StageCache
    from rapsam.export.build.inputs import gather_inputs
    from rapsam.export.build.plan import plan_export
    from rapsam.export.parity.sample_images import sample_images
    from rapsam.models.build import deployment_of

    model = rapsam.build_model(model_name, checkpoint=WEIGHTS)
    statuses: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        cache = StageCache(Path(scratch) / "cache")
        start = time.perf_counter()
        inputs = gather_inputs(deployment_of(model), sample_images())
        for target in TARGETS:
            plan = plan_export(target=target, size=size)
            _, report = make_bundle(
                inputs, plan, Path(scratch) / target, cache, progress=_say_nothing, note=_say_nothing
            )
            statuses[target] = report.status
        seconds = time.perf_counter() - start
    return FullExport(
        created_utc=now_utc(),
        machine=this_machine(),
        model=model_name,
        size=size,
        source_sha256=inputs.source_sha256,
        statuses=statuses,
        seconds=round(seconds, 1),
        peak_rss_mb=peak_rss_mb(),
    )


def _say_nothing(_step: str) -> None:
    """Takes the lines of progress: in this process stdout is for the record alone."""


if __name__ == "__main__":
    main()
