"""Exports one model for all targets in one process, and records seconds and memory."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import msgspec

from rapsam.benchmarks.apart import in_own_process, peak_rss_mb
from rapsam.benchmarks.export_matrix import TARGETS
from rapsam.benchmarks.records import now_utc, this_machine
from rapsam.benchmarks.speed_lowering import WEIGHTS
from rapsam.benchmarks.speed_records import FullExport


def main() -> None:
    """Exports what the option `--one` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", metavar="JSON", required=True)
    model, size = json.loads(parser.parse_args().one)
    print(msgspec.json.encode(export_all(model, tuple(size))).decode())


def export_apart(model: str, size: tuple[int, int]) -> FullExport:
    """Does `export_all` in a process of its own, so that nothing else counts."""
    return msgspec.json.decode(
        in_own_process("rapsam.benchmarks.full_export", [model, size]), type=FullExport
    )


def export_all(model_name: str, size: tuple[int, int]) -> FullExport:
    """Exports a model with formula weights and default tasks, from a cache that is empty at first."""
    import rapsam
    from rapsam.export.cache import StageCache
    from rapsam.export.source import source_sha256

    model = rapsam.build_model(model_name, checkpoint=WEIGHTS)
    statuses: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        cache = StageCache(Path(scratch) / "cache")
        start = time.perf_counter()
        for target in TARGETS:
            out = Path(scratch) / target
            _, report = rapsam.export_bundle(model, out, target=target, size=size, cache=cache)
            statuses[target] = report.status
        seconds = time.perf_counter() - start
    return FullExport(
        created_utc=now_utc(),
        machine=this_machine(),
        model=model_name,
        size=size,
        source_sha256=source_sha256(),
        statuses=statuses,
        seconds=round(seconds, 1),
        peak_rss_mb=peak_rss_mb(),
    )


if __name__ == "__main__":
    main()
