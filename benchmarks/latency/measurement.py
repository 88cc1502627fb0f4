"""Measuring one variant, in a process that does nothing else."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec

from rapsam.benchmarks.latency.bundle_subject import bundle_subject
from rapsam.benchmarks.latency.distribution import distribution, milliseconds
from rapsam.benchmarks.latency.facts import GraphRun
from rapsam.benchmarks.latency.fidelity import fidelity_of
from rapsam.benchmarks.latency.file_subject import file_subject
from rapsam.benchmarks.latency.job import Job, Measured
from rapsam.benchmarks.latency.record import (
    MAX_SAMPLES,
    Charge,
    Memory,
    Mode,
    StageTimes,
    Temperature,
    Window,
)
from rapsam.benchmarks.latency.sampling import WarmUp, sample, warm_up
from rapsam.benchmarks.latency.sensors import charges, memory_use, temperatures
from rapsam.benchmarks.latency.stage_names import check_stages, local_stages
from rapsam.benchmarks.latency.stage_times import stage_times, sustained_seconds
from rapsam.benchmarks.latency.subject import (
    LoadedGraph,
    Stage,
    Subject,
    has_times,
    named_runtime,
)
from rapsam.benchmarks.latency.untimed_graph import untimed_graph
from rapsam.export.backends.runtimes import THREADS, reported_units

SUSTAINED_WINDOW_S = 5.0
_MEMORY_METRIC = "VmHWM of the process, Linux"
_UNTIMED = "every run of {} starts a process of its own: times would not be the runtime's, and none are told"
_EMULATED = "{} is an interpreter of ours: it tells what the graphs compute, not how long that takes"


class Measurement:
    """One variant: loaded, warmed, visited in turns, reported.

    Args:
        job: What to measure.

    Raises:
        RapSamError: If that cannot be loaded or run.
    """

    def __init__(self, job: Job) -> None:
        self._timing = job.timing
        self._samples: dict[int, list[int]] = defaultdict(list)
        self._windows: list[Window] = []
        self._sustained: list[int] = []
        path, before = Path(job.path), memory_use()
        check_stages(path.name, local_stages(path), job.timing.stages)
        runtime = named_runtime(path, job.runtime)
        threads = THREADS if job.threads is None else job.threads
        self._subject: Subject = (
            bundle_subject(path, runtime, threads)
            if path.is_dir()
            else file_subject(path, runtime, threads, job.shapes)
        )
        self._baseline = before
        self._start = time.monotonic()
        self._temperatures: list[Temperature] = []
        self._charges: list[Charge] = []
        self._read_sensors()
        rows = None if self._subject.self_test is None else self._subject.self_test()
        self._fidelity = None if rows is None else fidelity_of(rows)
        self._stages = [each for each in self._subject.stages if each.name.is_wanted(job.timing.stages)]
        self._warm: dict[str, WarmUp] = {}
        if has_times(runtime):
            for graph in self._subject.graphs:
                run = partial(graph.runner.run, graph.inputs)
                self._warm[graph.contract.graph] = warm_up(run, job.timing.warmup_max_s)

    def burst(self) -> None:
        """Takes a turn: samples of every stage."""
        wanted = self._timing
        for number, stage in enumerate(self._stages):
            self._samples[number] += sample(
                stage.run,
                -(-wanted.iters // wanted.rounds),
                wanted.min_seconds / wanted.rounds,
                wanted.max_seconds / wanted.rounds,
            )
        self._read_sensors()

    def sustained(self) -> None:
        """Runs the stage that says most without a pause, for as long as was wanted."""
        stage, seconds = self._longest(), self._timing.sustained_s
        if stage is None or seconds is None:
            return
        start = time.monotonic()
        while (left := seconds - (time.monotonic() - start)) > 0:
            window_s = min(SUSTAINED_WINDOW_S, left)
            times = sample(stage.run, 1, window_s, window_s)
            p50 = distribution([milliseconds(ns) for ns in times]).p50
            self._windows.append(Window(t_s=round(time.monotonic() - start, 3), n=len(times), p50_ms=p50))
            self._sustained += times
            self._read_sensors()

    def report(self) -> Measured:
        """Returns all that was found."""
        subject = self._subject
        return Measured(
            graphs=tuple(self._graph(graph) for graph in subject.graphs),
            stages=tuple(self._times()),
            sustained=tuple(self._windows) or None,
            memory=self._memory(),
            thermal=tuple(self._temperatures) or None,
            battery=tuple(self._charges) or None,
            fidelity=self._fidelity,
            input=subject.input,
            input_sha256=subject.input_sha256,
            input_shape=subject.input_shape,
            notes=tuple(self._notes()),
        )

    def _longest(self) -> Stage | None:
        """Finds the first stage that is a whole task, else the first."""
        whole = [stage for stage in self._stages if stage.kind == "end_to_end"]
        return next(iter([*whole, *self._stages]), None)

    def _graph(self, graph: LoadedGraph) -> GraphRun:
        timed, name = has_times(self._subject.runtime), graph.contract.graph
        warm = self._warm.get(name)
        runs = [] if warm is None else warm.samples_ns
        untimed = untimed_graph(
            name,
            file=graph.file,
            sha256=graph.sha256,
            size_bytes=graph.size_bytes,
            reported=reported_units(graph.runner),
            delegation=graph.delegation,
        )
        if not timed:
            return untimed
        return msgspec.structs.replace(
            untimed,
            load_ms=milliseconds(graph.load_ns),
            first_ms=milliseconds(graph.first_ns),
            average_warmup_ms=milliseconds(sum(runs) // len(runs)) if runs else None,
            warmup_iters=len(runs),
            is_warm=warm.is_steady if warm is not None else None,
        )

    def _times(self) -> Iterable[StageTimes]:
        for number, samples in sorted(self._samples.items()):
            yield self._stage_times(self._stages[number], "burst", samples)
        stage = self._longest()
        if self._windows and stage is not None:
            yield self._stage_times(stage, "sustained", self._sustained[-MAX_SAMPLES:])

    def _stage_times(self, stage: Stage, mode: Mode, samples_ns: list[int]) -> StageTimes:
        samples_ms = [milliseconds(ns) for ns in samples_ns]
        return stage_times(stage.name, mode, samples_ms, self._timing, sustained_seconds(self._windows))

    def _memory(self) -> Memory | None:
        now = memory_use()
        # Where a run starts a process, or is emulated, the memory of this one says nothing of the runtime.
        if now is None or not has_times(self._subject.runtime):
            return None
        baseline = None if self._baseline is None else self._baseline.now_mb
        return Memory(baseline_mb=baseline, peak_mb=now.peak_mb, metric=_MEMORY_METRIC)

    def _notes(self) -> Iterable[str]:
        runtime = self._subject.runtime
        if runtime.provenance == "emulated":
            yield _EMULATED.format(runtime.name)
        elif not runtime.timed:
            yield _UNTIMED.format(runtime.name)

    def _read_sensors(self) -> None:
        t_s = round(time.monotonic() - self._start, 3)
        self._temperatures += temperatures(t_s)
        self._charges += charges(t_s)
