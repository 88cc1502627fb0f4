"""The job as the program on the device reads it (native/job.h), and the files that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.runners.adb.workload import DeviceStage, Tensor, Workload
from rapsam.benchmarks.runners.android.transfer import Item
from rapsam.errors import InputError, quoted

JOB = "job"
MAX_VARIANTS = 64
_HEAD = "rapsam-job 1"
_NS = 1_000_000_000
_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
}
"""ONNX's numbers of element types."""
_Port = tuple[int, str]


class DeviceRun(NamedTuple):
    """One variant, as the device runs it.

    Attributes:
        workload: What.
        provider: ONNX Runtime's execution provider, as the program knows it.
        threads: CPU threads.
        stages: Those that are timed.
    """

    workload: Workload
    provider: str
    threads: int
    stages: tuple[DeviceStage, ...]


class _Graph(NamedTuple):
    """How a graph is wired: its inputs and outputs, each a slot and a name."""

    file: str
    inputs: list[_Port]
    outputs: list[_Port]


def job_items(
    runs: Sequence[DeviceRun], timing: Timing, patience_s: float, library: str, scratch: Path
) -> list[Item]:
    """Writes the job and all that is not a file yet.

    Args:
        runs: Variants; those of one bundle share its files.
        timing: How they are timed.
        patience_s: Seconds, beside those that are measured, after which a process there counts as hung.
        library: ONNX Runtime's, on the device.
        scratch: Folder for what is written.

    Returns:
        All that the device needs, beside the program.

    Raises:
        InputError: If there are too many variants, or a name that a job cannot hold.
    """
    if len(runs) > MAX_VARIANTS:
        raise InputError(
            f"{len(runs)} variants; expected at most {MAX_VARIANTS}: name a runtime or --threads"
        )
    items: dict[str, Item] = {}
    lines = [_HEAD, f"library {library}", _timing_line(timing, patience_s)]
    numbers: dict[Path, int] = {}
    for run in runs:
        prefix = f"w{numbers.setdefault(run.workload.path, len(numbers))}"
        for number, graph in enumerate(run.workload.graphs):
            name = f"{prefix}.g{number}.onnx"
            items[name] = Item(name, graph.source, graph.sha256, graph.size_bytes)
        wiring, slots = _wiring(run.workload, prefix)
        lines.append(f"variant {run.provider} {run.threads}")
        lines += _graph_lines(wiring)
        for number, given in enumerate((run.workload.timed, *run.workload.cases.values())):
            lines.append("case")
            for name, tensor in given.items():
                file = f"{prefix}.c{number}.s{slots[name]}.bin"
                if file not in items:
                    items[file] = _written(file, tensor.tobytes(), scratch)
                lines.append(_gift_line(slots[name], tensor, file))
        lines += [f"stage {' '.join(map(str, stage.graphs))}" for stage in run.stages]
        if timing.sustained_s is not None and run.stages:
            lines.append(f"sustain {run.stages.index(longest(run.stages))}")
    items[JOB] = _written(JOB, "".join(f"{line}\n" for line in lines).encode(), scratch)
    return list(items.values())


def longest(stages: Sequence[DeviceStage]) -> DeviceStage:
    """Finds the first stage that is a whole pipeline, else the first."""
    return next(iter([*(stage for stage in stages if stage.kind == "pipeline"), *stages]))


def _timing_line(timing: Timing, patience_s: float) -> str:
    rounds = timing.rounds
    seconds = (
        *(timing.min_seconds / rounds, timing.max_seconds / rounds),
        *(timing.pause_s, timing.warmup_max_s, timing.sustained_s or 0.0, patience_s),
    )
    ns = [int(value * _NS) for value in seconds]
    return " ".join(map(str, ("timing", -(-timing.iters // rounds), *ns[:2], rounds, *ns[2:])))


def _wiring(workload: Workload, prefix: str) -> tuple[list[_Graph], dict[str, int]]:
    """Gives every tensor a slot: one for all graphs that it flows through, else its own."""
    slots = {name: number for number, name in enumerate(workload.timed)}
    graphs, count = [], len(slots)
    for number, graph in enumerate(workload.graphs):
        outputs = []
        for spec in graph.contract.outputs:
            slot, count = count, count + 1
            if spec.role == "flow":
                slots[spec.name] = slot
            outputs.append((slot, _checked(spec.name)))
        inputs = [(slots[spec.name], _checked(spec.name)) for spec in graph.contract.inputs]
        graphs.append(_Graph(f"{prefix}.g{number}.onnx", inputs, outputs))
    return graphs, slots


def _graph_lines(graphs: Sequence[_Graph]) -> Iterator[str]:
    for graph in graphs:
        yield f"graph {graph.file}"
        yield from (f"in {slot} {name}" for slot, name in graph.inputs)
        yield from (f"out {slot} {name}" for slot, name in graph.outputs)


def _gift_line(slot: int, tensor: Tensor, file: str) -> str:
    return " ".join(map(str, ("give", slot, _TYPES[tensor.dtype.name], file, *tensor.shape)))


def _checked(name: str) -> str:
    if not name or "\n" in name or "\0" in name:
        raise InputError(f"a tensor is called {quoted(name)}; expected a name of one line")
    return name


def _written(name: str, data: bytes, scratch: Path) -> Item:
    path = scratch / name
    path.write_bytes(data)
    return Item(name, path, hashlib.sha256(data).hexdigest(), len(data))
