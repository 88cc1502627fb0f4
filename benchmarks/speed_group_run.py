"""Measures one group: lowers its graphs, starts its processes, visits them in turns."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.interleave import in_turns
from rapsam.benchmarks.records import now_utc, this_machine
from rapsam.benchmarks.speed_groups import LOWERED
from rapsam.benchmarks.speed_lowering import WEIGHTS, Lowering, lower_apart
from rapsam.benchmarks.speed_passes import Job
from rapsam.benchmarks.speed_process import ContenderProcess, worker_command
from rapsam.benchmarks.speed_records import SpeedRun, Subject, Timing, quartiles
from rapsam.errors import UnavailableError
from rapsam.export.backends.packages import installed_versions
from rapsam.export.build.source import source_sha256

# After a pass, idle threads of ONNX Runtime were seen to spin for 40 ms before they slept.
PAUSE_S = 0.1
_PACKAGES = ("torch", "onnxruntime", "executorch", "ai-edge-litert", "numpy")


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


Lowerings = dict[tuple[str, int], Lowering]


def _lower_all(conditions: Conditions, subjects: tuple[Subject, ...]) -> Lowerings:
    wanted: dict[tuple[str, int], list[str]] = {}
    for subject in subjects:
        if subject.contender in LOWERED:
            wanted.setdefault((subject.graph, subject.num_prompts), []).append(subject.contender)
    lowerings = {}
    for (graph, count), targets in wanted.items():
        lowerings[graph, count] = lower_apart(
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
