"""Times the graphs in PyTorch and in every runtime, and the work before and after them.

    python -m rapsam.benchmarks.runtime_speed

Every contender waits in a process of its own; they run in turns, one at a time, so that ratios hold although
a machine is never quite steady. Groups that the results file has from the same source code are kept: an
interrupted run goes on where it stopped. Remove the file to measure again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from rapsam.benchmarks.full_export import export_apart
from rapsam.benchmarks.records import RESULTS, SCHEMA_VERSION, read_records, write_records
from rapsam.benchmarks.speed_group_run import Conditions, run_group
from rapsam.benchmarks.speed_groups import GROUPS
from rapsam.benchmarks.speed_records import FullExport, SpeedRecords, SpeedRun, Subject
from rapsam.errors import RapSamError
from rapsam.export.build.source import source_sha256

FILE = RESULTS / "runtime_speed.json"
COMMAND = "python -m rapsam.benchmarks.runtime_speed"
MODELS = ("rapsam_r18", "rapsam_r50")
ROUNDS = 15

RunGroup = Callable[[Conditions, str, tuple[Subject, ...]], SpeedRun]
Export = Callable[[str, tuple[int, int]], FullExport]


def main() -> None:
    """Measures what the results file lacks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--size", type=_size, default=(640, 640), metavar="HEIGHTxWIDTH")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="visits to every contender")
    parser.add_argument("--out", type=Path, default=FILE, help="results file")
    options = parser.parse_args()
    try:
        for model in options.models:
            with tempfile.TemporaryDirectory() as folder:
                conditions = Conditions(model, options.size, options.threads, options.rounds, Path(folder))
                measure_model(conditions, options.out)
    except RapSamError as error:
        parser.error(str(error))


def measure_model(
    conditions: Conditions, path: Path, run: RunGroup = run_group, export: Export = export_apart
) -> None:
    """Measures all groups and the full export of one model, and writes each as soon as it is known."""
    source = source_sha256()
    for group, subjects in GROUPS.items():
        records = known_records(path)
        known = records.run(conditions.model, conditions.size, conditions.threads, group)
        if known is None or known.source_sha256 != source:
            _say(f"{conditions.model} {group}")
            measured = run(conditions, group, subjects)
            others = tuple(found for found in records.runs if found is not known)
            write_records(path, msgspec.structs.replace(records, runs=(*others, measured)))
    records = known_records(path)
    exported = records.export(conditions.model, conditions.size)
    if exported is None or exported.source_sha256 != source:
        _say(f"{conditions.model} full export")
        rest = tuple(found for found in records.exports if found is not exported)
        exported = export(conditions.model, conditions.size)
        write_records(path, msgspec.structs.replace(records, exports=(*rest, exported)))


def known_records(path: Path = FILE) -> SpeedRecords:
    """Reads what was measured so far; nothing where there is no file."""
    if not path.exists():
        return SpeedRecords(schema_version=SCHEMA_VERSION, command=COMMAND)
    return read_records(path, SpeedRecords)


def _size(text: str) -> tuple[int, int]:
    height, width = text.split("x")
    return int(height), int(width)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
