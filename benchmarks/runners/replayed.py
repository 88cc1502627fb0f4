"""Graphs that ran on another machine, for a self-test that is judged here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rapsam.contract import GraphContract
from rapsam.export.backends.runtimes import Runtime
from rapsam.inference.runner import Arrays, Runner


class ReplayedGraph:
    """A graph that another machine ran, case after case, on inputs that it had there.

    Args:
        cases: What it returned, case after case.
    """

    def __init__(self, cases: Iterable[Arrays]) -> None:
        self._cases = iter(cases)

    def run(self, inputs: object) -> Arrays:
        """Returns what the graph returned of the next case."""
        del inputs
        return next(self._cases)


def remote_runtime(name: str) -> Runtime:
    """Names the runtime of a device for reports; nothing is loaded by it here."""

    def load(path: Path, contract: GraphContract, threads: int) -> Runner:
        raise AssertionError(f"{path}, {contract.graph}, {threads}: the graphs run on the device")

    return Runtime(name, lambda: None, load)
