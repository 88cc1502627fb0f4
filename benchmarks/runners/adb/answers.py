"""What the program on the device left behind, which is not trusted: read within limits, then judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from rapsam.benchmarks.latency.distribution import milliseconds
from rapsam.benchmarks.latency.facts import GraphRun, Timing
from rapsam.benchmarks.latency.fidelity import fidelity_of
from rapsam.benchmarks.latency.job import Measured
from rapsam.benchmarks.latency.record import MAX_SAMPLES, Memory, Mode, StageTimes, Window
from rapsam.benchmarks.latency.stage_times import stage_times
from rapsam.benchmarks.latency.untimed_graph import untimed_graph
from rapsam.benchmarks.runners.adb.job_files import DeviceRun, longest
from rapsam.benchmarks.runners.adb.workload import DeviceStage, GraphFile, Workload
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.replayed import ReplayedGraph
from rapsam.contract import TensorSpec
from rapsam.errors import JSON_ERRORS, UnavailableError, printable, quoted, shortened
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.parity.report import TensorParity
from rapsam.export.parity.self_test import run_self_test
from rapsam.inference.runner import Arrays

CPU_PROVIDER = "CPUExecutionProvider"
ALONE_NOTE = (
    "it ran by itself, after the others: side by side with them its process was ended by signal 9, as where "
    "memory is short"
)
MAX_RESULT_BYTES = 64 << 20
_MEMORY_METRIC = "VmHWM of the process, Linux"
_SHOWN = 300
_Ns = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Kib = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
_Nodes = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
_Samples = Annotated[tuple[_Ns, ...], msgspec.Meta(max_length=MAX_SAMPLES)]


class _Graph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    load_ns: _Ns
    first_ns: _Ns
    is_steady: bool
    warmup_runs: _Nodes
    warmup_ns: _Ns
    nodes: Annotated[dict[str, tuple[_Nodes, _Nodes]], msgspec.Meta(max_length=16)] | None


class _Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    is_alone: bool = False
    baseline_kb: _Kib | None
    peak_kb: _Kib | None
    graphs: tuple[_Graph, ...]
    stages: tuple[_Samples, ...]
    sustained: _Samples
    windows: Annotated[tuple[tuple[_Ns, _Nodes, _Ns], ...], msgspec.Meta(max_length=MAX_SAMPLES)]


class Reader(NamedTuple):
    """Reads what variants left in a folder of a device."""

    device: AdbDevice
    folder: str

    def measured(self, number: int, run: DeviceRun, timing: Timing, runtime: Runtime) -> Measured:
        """Returns all that is known of a variant that ended well; heat and battery are for others to add.

        Args:
            number: Of the variant, in the job.
            run: It.
            timing: How it was timed.
            runtime: What the records call it.

        Raises:
            UnavailableError: If what is there makes no sense, or the device is lost for good.
        """
        result, workload = self._result(number, run), run.workload
        peak = result.peak_kb
        baseline = None if result.baseline_kb is None else _mib(result.baseline_kb)
        return Measured(
            graphs=tuple(map(_graph_run, workload.graphs, result.graphs)),
            stages=tuple(_times(run, timing, result)),
            sustained=tuple(_windows(result)) or None,
            memory=None
            if peak is None
            else Memory(baseline_mb=baseline, peak_mb=_mib(peak), metric=_MEMORY_METRIC),
            thermal=None,
            battery=None,
            fidelity=None
            if workload.manifest is None
            else fidelity_of(self._rows(number, workload, runtime)),
            input=workload.input,
            input_sha256=workload.input_sha256,
            input_shape=workload.input_shape,
            notes=(ALONE_NOTE,) if result.is_alone else (),
        )

    def _result(self, number: int, run: DeviceRun) -> _Result:
        data = self.device.read(f"{self.folder}/v{number}.json", MAX_RESULT_BYTES)
        if data is None:
            raise UnavailableError("the program on the device left no result")
        try:
            result = msgspec.json.decode(data, type=_Result)
        except JSON_ERRORS as error:
            shown = quoted(data[:_SHOWN].decode(errors="replace"))
            raise UnavailableError(f"the device answered {shown}, which is no result") from error
        counts = len(result.graphs), len(result.stages)
        if counts != (len(run.workload.graphs), len(run.stages)) or not all(result.stages):
            raise UnavailableError(
                f"the device answered for {counts[0]} graphs and {counts[1]} stages, not for all"
            )
        return result

    def _rows(self, number: int, workload: Workload, runtime: Runtime) -> tuple[TensorParity, ...]:
        """Judges the outputs that the device wrote, by the gates and excuses of every self-test."""
        assert workload.manifest is not None
        # All of them before any is judged: that the device is lost is no wrong answer.
        outputs = [
            [
                self._outputs(f"v{number}.c{case}.g{place}", graph)
                for place, graph in enumerate(workload.graphs)
            ]
            for case in range(1, len(workload.cases) + 1)
        ]
        runners = {
            graph.contract.graph: ReplayedGraph([case[place] for case in outputs])
            for place, graph in enumerate(workload.graphs)
        }
        return run_self_test(workload.path, workload.manifest, runtime, runners)

    def _outputs(self, prefix: str, graph: GraphFile) -> Arrays:
        return {
            spec.name: self._tensor(f"{prefix}.o{port}", spec)
            for port, spec in enumerate(graph.contract.outputs)
        }

    def _tensor(self, file: str, spec: TensorSpec) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """Reads an output, which must have the size of its shape."""
        size = 4 * spec.size
        data = self.device.read(f"{self.folder}/{file}", size)
        if data is None or len(data) != size:
            found = "nothing" if data is None else f"{len(data):,} bytes"
            raise UnavailableError(
                f"the device wrote {found} as output {spec.name!r}; expected {size:,} bytes"
            )
        return np.frombuffer(data, "<f4").astype(np.float32).reshape(spec.shape)


def _graph_run(graph: GraphFile, found: _Graph) -> GraphRun:
    nodes = found.nodes
    others = {} if nodes is None else {name: count for name, count in nodes.items() if name != CPU_PROVIDER}
    delegate = next(iter(others), None)
    runs = found.warmup_runs
    untimed = untimed_graph(
        graph.contract.graph,
        file=printable(graph.name),
        sha256=graph.sha256,
        size_bytes=graph.size_bytes,
        # In the order in which ONNX Runtime asks them: the CPU takes what is left.
        reported=None
        if nodes is None
        else _names([*others, *(name for name in nodes if name == CPU_PROVIDER)]),
        delegation=None,
    )
    return msgspec.structs.replace(
        untimed,
        delegate=None if delegate is None else _names([delegate])[0],
        delegate_provenance=None if delegate is None else "measured",
        partitions=sum(parts for _, parts in others.values()) if others else None,
        nodes_delegated=sum(count for count, _ in others.values()) if others else None,
        nodes_total=sum(count for count, _ in nodes.values()) if nodes is not None and others else None,
        load_ms=milliseconds(found.load_ns),
        first_ms=milliseconds(found.first_ns),
        average_warmup_ms=milliseconds(found.warmup_ns // runs) if runs else None,
        warmup_iters=runs,
        is_warm=found.is_steady,
    )


def _mib(kib: int) -> int:
    """Rounds up: what is there is never told as 0."""
    return -(-kib // 1024)


def _names(names: list[str]) -> tuple[str, ...]:
    return tuple(shortened(printable(name), 100) for name in names)


def _times(run: DeviceRun, timing: Timing, result: _Result) -> Iterator[StageTimes]:
    sustained_s = result.windows[-1][0] / 1e9 if result.windows else 0.0
    found: list[tuple[DeviceStage, Mode, tuple[int, ...]]] = [
        (stage, "burst", samples) for stage, samples in zip(run.stages, result.stages, strict=True)
    ]
    if result.sustained and result.windows:
        found.append((longest(run.stages), "sustained", result.sustained))
    for stage, mode, samples in found:
        yield stage_times(stage.name, mode, [milliseconds(ns) for ns in samples], timing, sustained_s)


def _windows(result: _Result) -> Iterator[Window]:
    for end_ns, count, p50_ns in result.windows:
        yield Window(t_s=round(end_ns / 1e9, 3), n=count, p50_ms=milliseconds(p50_ns))
