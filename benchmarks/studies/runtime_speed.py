"""Times the graphs in PyTorch and in every runtime, and the work before and after them.

    python -m rapsam.benchmarks.studies.runtime_speed

Every contender waits in a process of its own; they run in turns, one at a time, so that ratios hold although
a machine is never quite steady. Groups that the results file has from the same source code are kept: an
interrupted run goes on where it stopped. Remove the file to measure again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, now_utc, records_or, write_records
from rapsam.benchmarks.measuring.timing import in_turns
from rapsam.benchmarks.studies.full_export import export_in_own_process
from rapsam.benchmarks.studies.speed_contender import ContenderProcess, worker_command
from rapsam.benchmarks.studies.speed_lowering import WEIGHTS, Lowering, lower_in_own_process
from rapsam.benchmarks.studies.speed_passes import Job
from rapsam.benchmarks.studies.speed_records import (
    GROUPS,
    LOWERED,
    FullExport,
    SpeedRecords,
    SpeedRun,
    Subject,
    Timing,
    quartiles,
)
from rapsam.errors import RapSamError, UnavailableError
from rapsam.export.backends.packages import installed_versions
from rapsam.export.build.source import source_sha256
from rapsam.machine import this_machine

FILE = RESULTS / "runtime_speed.json"
COMMAND = "python -m rapsam.benchmarks.studies.runtime_speed"
MODELS = ("rapsam_r18", "rapsam_r50")
ROUNDS = 15
# After a pass, idle threads of ONNX Runtime were seen to spin for 40 ms before they slept.
PAUSE_S = 0.1
_PACKAGES = ("torch", "onnxruntime", "executorch", "ai-edge-litert", "numpy")

Lowerings = dict[tuple[str, int], Lowering]


class Conditions(NamedTuple):
    """What all runs of one model share.

    Attributes:
        model: Variant.
        size: Image height and width.
        threads: CPU threads.
        rounds: Visits to every subject.
        folder: Keeps lowered graphs between groups.
    """

    model: str
    size: tuple[int, int]
    threads: int
    rounds: int
    folder: Path


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


def run_group(conditions: Conditions, group: str, subjects: tuple[Subject, ...]) -> SpeedRun:
    """Measures the subjects of a group; one that cannot run is recorded with the reason."""
    load_average = round(os.getloadavg()[0], 2)
    lowerings = _lower_all(conditions, subjects)
    timings: dict[Subject, Timing] = {}
    with ExitStack() as stack:
        processes: dict[Subject, ContenderProcess] = {}
        for subject in subjects:
            reason = _refusal(lowerings, subject)
            try:
                if reason:
                    raise UnavailableError(reason)
                processes[subject] = stack.enter_context(_start(conditions, subject))
            except UnavailableError as error:
                # The folder is gone when the reason is read.
                timings[subject] = _not_run(subject, str(error).replace(f"{conditions.folder}/", ""))
        visits = {subject: process.visit for subject, process in processes.items()}
        times = in_turns(visits, conditions.rounds, lambda: time.sleep(PAUSE_S))
        for subject, process in processes.items():
            timings[subject] = _timing(subject, process, times[subject], lowerings)
    return SpeedRun(
        created_utc=now_utc(),
        machine=this_machine(),
        model=conditions.model,
        weights=WEIGHTS,
        size=conditions.size,
        threads=conditions.threads,
        rounds=conditions.rounds,
        group=group,
        load_average=load_average,
        source_sha256=source_sha256(),
        tool_versions=installed_versions(_PACKAGES),
        timings=tuple(timings[subject] for subject in subjects),
    )


def measure_model(
    conditions: Conditions, path: Path, run: RunGroup = run_group, export: Export = export_in_own_process
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
    return records_or(path, SpeedRecords(schema_version=SCHEMA_VERSION, command=COMMAND))


def _lower_all(conditions: Conditions, subjects: tuple[Subject, ...]) -> Lowerings:
    wanted: dict[tuple[str, int], list[str]] = {}
    for subject in subjects:
        if subject.contender in LOWERED:
            wanted.setdefault((subject.graph, subject.num_prompts), []).append(subject.contender)
    lowerings = {}
    for (graph, count), targets in wanted.items():
        lowerings[graph, count] = lower_in_own_process(
            conditions.model, conditions.size, graph, count, targets, conditions.folder
        )
    return lowerings


def _start(conditions: Conditions, subject: Subject) -> ContenderProcess:
    job = Job(
        subject=subject,
        model=conditions.model,
        size=conditions.size,
        threads=conditions.threads,
        folder=str(conditions.folder),
    )
    return ContenderProcess(worker_command(job), conditions.threads)


def _refusal(lowerings: Lowerings, subject: Subject) -> str | None:
    lowering = lowerings.get((subject.graph, subject.num_prompts))
    return lowering.refused.get(subject.contender) if lowering else None


def _timing(
    subject: Subject, process: ContenderProcess, times: list[float] | str, lowerings: Lowerings
) -> Timing:
    if isinstance(times, str):
        return _not_run(subject, times)
    macs = process.facts.macs
    if subject.contender in LOWERED:
        macs = lowerings[subject.graph, subject.num_prompts].macs[subject.contender]
    return Timing(
        subject=subject,
        ms=quartiles(times),
        not_run=None,
        macs=macs,
        peak_rss_mb=process.finish(),
        note=process.facts.note,
    )


def _not_run(subject: Subject, reason: str) -> Timing:
    return Timing(subject=subject, ms=None, not_run=reason, macs=None, peak_rss_mb=None, note="")


def _size(text: str) -> tuple[int, int]:
    height, width = text.split("x")
    return int(height), int(width)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
