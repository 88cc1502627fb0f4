"""What is timed, whatever it comes from: loaded graphs, and the stages around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rapsam.benchmarks.latency.record import StageKind
from rapsam.benchmarks.latency.sampling import timed
from rapsam.contract import GraphContract
from rapsam.errors import UnavailableError, unknown_name
from rapsam.export.backends.bare_file import file_backends
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES
from rapsam.export.backends.delegation import DelegationReport
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.manifest_file import read_manifest
from rapsam.export.parity.report import TensorParity
from rapsam.inference.runner import Runner

Inputs = Mapping[str, npt.NDArray[np.float32]]


class Stage(NamedTuple):
    """What is timed by itself; see `StageTimes`."""

    kind: StageKind
    of: str | None
    run: Callable[[], object]

    @property
    def names(self) -> set[str]:
        """What it can be asked for by: its kind, its subject, or both."""
        return {self.kind} if self.of is None else {self.kind, self.of, f"{self.kind}:{self.of}"}


class LoadedGraph(NamedTuple):
    """One graph that can run.

    Attributes:
        contract: Inputs and outputs.
        file: Path in the bundle, or name of the file.
        sha256: Of the artifact.
        size_bytes: Of the artifact.
        delegation: What the artifact's report says, if there is one.
        runner: Runs it.
        inputs: What it is timed with.
        load_ns: Time that the runtime took to load it.
        first_ns: Time of its first run.
    """

    contract: GraphContract
    file: str
    sha256: str
    size_bytes: int
    delegation: DelegationReport | None
    runner: Runner
    inputs: Inputs
    load_ns: int
    first_ns: int


class Subject(NamedTuple):
    """All that is timed and compared.

    Attributes:
        runtime: What runs the graphs.
        graphs: In the order in which they run.
        stages: In the order in which they are timed.
        self_test: Runs it and returns its rows; None for a bare file.
        input: What they run on, in words.
        input_sha256: Digest of its values.
        input_shape: Of the image, or of the first input.
    """

    runtime: Runtime
    graphs: tuple[LoadedGraph, ...]
    stages: tuple[Stage, ...]
    self_test: Callable[[], tuple[TensorParity, ...]] | None
    input: str
    input_sha256: str
    input_shape: tuple[int, ...]


class TimedLoads:
    """A runtime whose latest load is timed, without the copying and checking around it.

    Args:
        runtime: Loads.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.last_ns = 0
        self.runtime = Runtime(runtime.name, runtime.cannot_run, self._load, runtime.provenance)

    def _load(self, path: Path, contract: GraphContract, threads: int) -> Runner:
        loaded: list[Runner] = []
        self.last_ns = timed(lambda: loaded.append(self._runtime.loader(path, contract, threads)))
        return loaded[0]


class Named(Protocol):
    """What can be asked for by any of several names."""

    @property
    def names(self) -> set[str]:
        """All of them."""
        ...


AnyStage = TypeVar("AnyStage", bound=Named)


def wanted_stages(stages: Sequence[AnyStage], wanted: Sequence[str]) -> list[AnyStage]:
    """Chooses stages by any of their names; all if none is asked for.

    Args:
        stages: All; none for what has no times.
        wanted: Names.

    Raises:
        InputError: If no stage has one of the names.
    """
    known = set[str]().union(*(stage.names for stage in stages))
    for name in wanted:
        if stages and name not in known:
            raise unknown_name("stage", name, known)
    return [stage for stage in stages if not wanted or stage.names & set(wanted)]


def has_times(runtime: Runtime) -> bool:
    """Tells whether the time of a run says something of a runtime: it is a real one, the time its own."""
    return runtime.timed and runtime.provenance == "measured"


def subject_runtimes(path: Path) -> tuple[Runtime, ...]:
    """Lists what can run a bundle or a bare file, by its recipe or its suffix.

    Raises:
        BundleError: If a bundle's manifest is damaged.
        InputError: If it is neither.
    """
    if path.is_dir():
        return RUNTIMES[RECIPES[read_manifest(path).recipe].backend]
    return tuple(runtime for backend in file_backends(path) for runtime in RUNTIMES[backend.name])


def with_other_units(runtimes: tuple[Runtime, ...]) -> tuple[Runtime, ...]:
    """Adds to runtimes the other compute units of this machine, of those that work here."""
    others = (other for runtime in runtimes if runtime.cannot_run() is None for other in runtime.others())
    return (*runtimes, *others)


def named_runtime(path: Path, name: str) -> Runtime:
    """Finds what runs a bundle or file, by name, other compute units of this machine included.

    Raises:
        BundleError: If a bundle's manifest is damaged.
        InputError: If there is none of this name.
        UnavailableError: If it does not work here.
    """
    known = {runtime.name: runtime for runtime in with_other_units(subject_runtimes(path))}
    if name not in known:
        raise unknown_name("runtime", name, known)
    if reason := known[name].cannot_run():
        raise UnavailableError(f"{path} cannot run here: {name}: {reason}")
    return known[name]
