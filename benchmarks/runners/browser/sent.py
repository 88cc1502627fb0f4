"""What a page sent: its outputs meet the gates that all outputs meet, and its record must fit the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rapsam.benchmarks.latency.fidelity import fidelity_of
from rapsam.benchmarks.latency.record import Fidelity
from rapsam.benchmarks.runners.browser.plan import BrowserRuntime, Subject
from rapsam.benchmarks.runners.browser.told import PageRecord
from rapsam.errors import BundleError
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.parity.self_test import run_self_test
from rapsam.inference.runner import Arrays

Outputs = Mapping[tuple[int, int], bytes]
"""Case and number of an output to its values, float32 in C order."""


def sent_fidelity(subject: Subject, runtime: BrowserRuntime, outputs: Outputs) -> Fidelity | None:
    """Compares what the page sent with the reference, as `rapsam parity` and the self-test here do.

    Returns:
        None for a bare file, which has no self-test.
    """
    if subject.manifest is None:
        return None
    runners = {contract.graph: _Sent(subject, contract.graph, outputs) for contract in subject.contracts}
    return fidelity_of(run_self_test(subject.path, subject.manifest, _as_runtime(runtime), runners))


class _Sent:
    """A graph that ran in a browser: it answers each case, in their order, with what the page sent."""

    def __init__(self, subject: Subject, graph: str, outputs: Outputs) -> None:
        self._outputs = outputs
        self._specs = [
            (number, name, shape)
            for number, (owner, name, shape) in enumerate(subject.outputs)
            if owner == graph
        ]
        self._graph = graph
        self._case = -1

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        del inputs  # the page took what its own graphs had returned
        self._case += 1
        found: Arrays = {}
        for number, name, shape in self._specs:
            data = self._outputs.get((self._case, number))
            if data is None:
                raise BundleError(f"the page sent no {name} of graph {self._graph!r}")
            found[name] = np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)
        return found


def _as_runtime(runtime: BrowserRuntime) -> Runtime:
    def load(_path: Path, _contract: object, _threads: int) -> _Sent:
        raise BundleError("this runtime is in a browser")

    return Runtime(runtime.name, lambda: "it is in a browser", load)


def misfit(subject: Subject, told: PageRecord) -> str | None:
    """Says why what a page tells cannot be of this subject; None if it can."""
    graphs = [contract.graph for contract in subject.contracts]
    tasks: Sequence[str] = () if subject.manifest is None else subject.manifest.tasks
    known = {("preprocess", None), *(("graph", graph) for graph in graphs)}
    known |= {(kind, task) for kind in ("postprocess", "click", "end_to_end") for task in tasks}
    if told.failed is not None:
        empty = not (told.graphs or told.stages or told.sustained)
        return None if empty else "a run that failed has no times"
    if [graph.graph for graph in told.graphs] != graphs:
        return "other graphs than those of the bundle"
    for stage in told.stages:
        if (stage.kind, stage.of) not in known:
            return "a stage that the bundle does not have"
    names = [(stage.kind, stage.of, stage.mode) for stage in told.stages]
    return "a stage twice" if len(names) != len(set(names)) else None


def told_seconds(told: PageRecord) -> float:
    """Adds up all times that a page tells of."""
    return sum(chain.from_iterable(stage.samples_ms for stage in told.stages)) / 1000
