"""This machine: every variant in a process of its own, on processors of its own, in turns."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.job import BURST, FINISH, SUSTAINED, Job, Measured
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName, local_stages
from rapsam.benchmarks.latency.subject import has_times, named_runtime, subject_runtimes, with_other_units
from rapsam.benchmarks.measuring.timing import in_turns
from rapsam.benchmarks.runners.base import Progress, Variant, Wanted
from rapsam.benchmarks.runners.child import ChildProcess
from rapsam.benchmarks.runners.local_record import local_facts, local_record
from rapsam.benchmarks.runners.threads import check_threads, thread_counts
from rapsam.errors import InputError, UnavailableError
from rapsam.export.backends.bare_file import file_backends, file_contract
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.seal import verify_runnable

PATIENCE_S = 900.0
"""The largest graph of ours loads and runs in a tenth of that on a busy machine."""
_MAX_STAGES = 64
# Named, not imported: this package is imported before the module runs.
_WORKER = "rapsam.benchmarks.runners.worker"

Command = Callable[[Job], list[str]]


def worker_command(job: Job) -> list[str]:
    """Returns the command line of a variant's process."""
    return [sys.executable, "-m", _WORKER, msgspec.json.encode(job).decode()]


class LocalRunner:
    """Runs variants on this machine.

    Args:
        patience_s: Seconds, beside those that are measured, after which a process counts as hung.
        command: Makes the command line of a variant's process.
    """

    name = "local"

    def __init__(self, patience_s: float = PATIENCE_S, command: Command = worker_command) -> None:
        self._patience_s = patience_s
        self._command = command

    def unavailable(self, device: str | None) -> str | None:
        """See `DeviceRunner.unavailable`."""
        return None if device is None else "there is one machine only; write --on local, without a colon"

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """See `DeviceRunner.variants`. Numbers of threads are powers of two, and that of all processors."""
        del device
        cores = len(_processors())
        check_threads(wanted, cores, "this machine")
        found = []
        for path in wanted.paths:
            if path.is_dir():
                verify_runnable(path)
            elif not path.is_file():
                raise InputError(f"{path} does not exist; expected a bundle's folder, or a file of a graph")
            elif wanted.shapes:
                file_contract(file_backends(path)[0], path, dict(wanted.shapes))
            for runtime in _runtimes(path, wanted):
                found += [
                    Variant(path, runtime.name, count, wanted.shapes)
                    for count in _threads(runtime, wanted, cores)
                ]
        return tuple(found)

    def stages(self, path: Path) -> tuple[StageName, ...]:
        """See `DeviceRunner.stages`."""
        return local_stages(path)

    def measure(
        self,
        variants: Sequence[Variant],
        timing: Timing,
        device: str | None,
        command: str,
        progress: Progress,
    ) -> tuple[LatencyRecord, ...]:
        """See `DeviceRunner.measure`."""
        del device
        facts = local_facts(timing, command, len(variants))
        jobs = [_job(variant, timing) for variant in variants]
        results = self._results(list(zip(variants, jobs, strict=True)), timing, progress)
        return tuple(
            local_record(facts, variant, job, results[number])
            for number, (variant, job) in enumerate(zip(variants, jobs, strict=True))
        )

    def _results(
        self, jobs: Sequence[tuple[Variant, Job]], timing: Timing, progress: Progress
    ) -> dict[int, Measured | str]:
        """Returns by the number of a job what its process found out, or why it did not."""
        ended: dict[int, str] = {}
        with ExitStack() as stack:
            children: dict[int, ChildProcess] = {}
            for number, (variant, job) in enumerate(jobs):
                progress(f"{variant}: loading, self-test, warming up")
                child = stack.enter_context(ChildProcess(self._command(job), variant.threads))
                try:
                    child.answer(self._patience_s)
                    children[number] = child
                except UnavailableError as error:
                    ended[number] = str(error)
            for command, rounds, extra_s in _turns(timing):
                patience_s = self._patience_s + extra_s
                able = {number: child for number, child in children.items() if number not in ended}

                def visit(number: int, command: str = command, patience_s: float = patience_s) -> float:
                    progress(f"{jobs[number][0]}: {command}")
                    children[number].ask(command, patience_s)
                    return 0.0

                # The threads of some runtimes spin for a while after a run: the next must not suffer from it.
                visits = {number: functools.partial(visit, number) for number in able}
                found = in_turns(visits, rounds, lambda: time.sleep(timing.pause_s))
                ended |= {number: reason for number, reason in found.items() if isinstance(reason, str)}
            return {
                number: ended[number] if number in ended else _finished(children[number], self._patience_s)
                for number in range(len(jobs))
            }


def _turns(timing: Timing) -> Iterator[tuple[str, int, float]]:
    """Lists what processes are told in turns: the command, how often, and how long it may take by itself."""
    yield BURST, timing.rounds, timing.max_seconds * _MAX_STAGES
    if timing.sustained_s is not None:
        yield SUSTAINED, 1, timing.sustained_s


def _finished(child: ChildProcess, patience_s: float) -> Measured | str:
    try:
        return child.ask(FINISH, patience_s).measured or "its process measured nothing"
    except UnavailableError as error:
        return str(error)


def _runtimes(path: Path, wanted: Wanted) -> Iterable[Runtime]:
    """Finds the runtimes that are wanted and work here: one, or all."""
    if wanted.runtime is not None:
        return (named_runtime(path, wanted.runtime),)
    runtimes = subject_runtimes(path)
    able = tuple(runtime for runtime in runtimes if runtime.cannot_run() is None)
    if not able:
        reasons = "; ".join(f"{runtime.name}: {runtime.cannot_run()}" for runtime in runtimes)
        raise UnavailableError(f"{path} cannot run here: {reasons}")
    return with_other_units(able) if wanted.all_units else able[:1]


def _threads(runtime: Runtime, wanted: Wanted, cores: int) -> tuple[int | None, ...]:
    # Of those without times the results do not depend on it.
    return thread_counts(wanted, cores) if has_times(runtime) else (None,)


def _job(variant: Variant, timing: Timing) -> Job:
    processors = _processors()
    pinned = variant.threads is not None and hasattr(os, "sched_setaffinity")
    return Job(
        path=str(variant.path.absolute()),
        runtime=variant.runtime,
        threads=variant.threads,
        timing=timing,
        cpus=tuple(processors[: variant.threads]) if pinned else None,
        shapes=dict(variant.shapes),
    )


def _processors() -> list[int]:
    """Lists the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
