"""One way of running the artifacts of a format."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.export.backends.guard import running
from rapsam.export.backends.packages import installed_versions
from rapsam.inference.runner import Arrays, Runner

Load = Callable[[Path, GraphContract, int], Runner]
# Results do not depend on it; two is what the smallest machines have.
THREADS = 2


@runtime_checkable
class ReportsUnits(Protocol):
    """A runner that can ask its runtime what computes."""

    def units(self) -> tuple[str, ...] | None:
        """Returns what computes, in the runtime's own words; None if it does not say."""
        ...


def reported_units(runner: Runner) -> tuple[str, ...] | None:
    """Returns what computes as a runner's runtime reports it, not as it was asked; None if it does not."""
    return runner.units() if isinstance(runner, ReportsUnits) else None


@runtime_checkable
class PreparesCalls(Protocol):
    """A runner that can check and lay out its inputs once for many calls of its runtime."""

    def prepared(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Callable[[], object]:
        """Returns the runtime's own call on these inputs, and nothing around it.

        Raises:
            InputError: As `Runner.run`.
        """
        ...


def prepared_call(runner: Runner, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Callable[[], object]:
    """Returns the shortest call that runs a graph on some inputs, for timing it.

    Args:
        runner: Of the graph.
        inputs: As for `Runner.run`; not to be changed as long as the call is used.

    Raises:
        InputError: As `Runner.run`.
    """
    if isinstance(runner, PreparesCalls):
        return runner.prepared(inputs)
    return functools.partial(runner.run, inputs)


def no_others() -> tuple[Runtime, ...]:
    """Returns nothing: most runtimes know one place to compute."""
    return ()


@dataclass(frozen=True)
class Runtime:
    """One way of running a format.

    Attributes:
        name: For reports.
        cannot_run: Gives the reason why it does not work here, or None.
        loader: As `Backend.load`.
        provenance: "measured" for a real runtime, "emulated" for an interpreter of ours.
        packages: What is installed for it, for the versions in records.
        pinned: Packages and versions that it has in an environment of its own, its own first.
        timed: Whether the time of a run is the runtime's own; not so where every run starts a process.
        others: The same runtime on the other compute units of this machine. They are asked for when all
            units are measured; parity and prediction do not know them.
    """

    name: str
    cannot_run: Callable[[], str | None]
    loader: Load
    provenance: Literal["measured", "emulated"] = "measured"
    packages: tuple[str, ...] = ()
    pinned: tuple[tuple[str, str], ...] = ()
    timed: bool = True
    others: Callable[[], tuple[Runtime, ...]] = no_others

    def versions(self) -> dict[str, str]:
        """Returns the versions of what it runs with, as far as they are known, its own first."""
        return {**dict(self.pinned), **installed_versions(self.packages)}

    def load(self, path: Path, contract: GraphContract, threads: int = THREADS) -> Runner:
        """Loads a graph so that whatever goes wrong in a run is an error of one line; see `Backend.load`."""
        return _GuardedRunner(self.loader(path, contract, threads), self.name, contract.graph)


class _GuardedRunner:
    def __init__(self, runner: Runner, runtime: str, graph: str) -> None:
        self._runner = runner
        self._runtime = runtime
        self._graph = graph

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        with running(self._runtime, self._graph):
            return self._runner.run(inputs)

    def prepared(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Callable[[], object]:
        call = prepared_call(self._runner, inputs)

        def guarded() -> object:
            with running(self._runtime, self._graph):
                return call()

        return guarded

    def units(self) -> tuple[str, ...] | None:
        return reported_units(self._runner)
