"""Graphs in processes of the emulated environment, which stay and answer: to start one takes seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.benchmarks.latency.facts import MAX_ITEMS, Text, Texts, Versions
from rapsam.benchmarks.runners.child import ChildProcess
from rapsam.benchmarks.runners.qemu_arm64.environment import environment_places
from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import JSON_ERRORS, BundleError, UnavailableError
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tensors import Shapes, check_signature, named_inputs, named_outputs
from rapsam.inference.runner import Arrays
from rapsam.untrusted import read_limited

SCRIPT = Path(__file__).with_name("guest_script.py")
_RUN = "run"
_MAX_DESCRIPTION_BYTES = 1 << 18
_Side = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
_Shape = Annotated[tuple[_Side, ...], msgspec.Meta(max_length=16)]
_Tensors = Annotated[tuple[tuple[Text | None, _Shape], ...], msgspec.Meta(max_length=MAX_ITEMS)]


class GuestJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest is started with; see `guest_script`.

    Attributes:
        runtime: Format of the graph, a name in the script's table of loaders.
        path: The graph.
        outputs: Names of the outputs, in the order of the contract.
        threads: CPU threads.
        scratch: Folder for what goes to and fro.
        packages: Folder of the guest's packages; None where its Python has them.
    """

    runtime: str
    path: str
    outputs: tuple[str, ...]
    threads: int
    scratch: str
    packages: str | None


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a guest says of itself and of its graph.

    Attributes:
        inputs: Name, None where the format keeps none, and shape of every input.
        outputs: The same of every output.
        units: What computes, as the runtime reports it; None if it does not.
        versions: Of all that takes part.
        machine: Its architecture, as its kernel calls it.
    """

    inputs: _Tensors
    outputs: _Tensors
    units: Texts | None
    versions: Versions
    machine: Text


Command = Callable[[GuestJob], list[str]]


@dataclass(frozen=True)
class QemuCommand:
    """Makes the command line of a guest.

    Attributes:
        cpu: qemu's name of the processor.
    """

    cpu: str

    def __call__(self, job: GuestJob) -> list[str]:
        """Returns the command line for a job."""
        places = environment_places()
        line = msgspec.json.encode(msgspec.structs.replace(job, packages=str(places.wheels))).decode()
        # What the host's loader is told must not reach the guest's; "-I" does the same for Python.
        kept_out = ["-U", "LD_PRELOAD", "-U", "LD_LIBRARY_PATH"]
        emulator = [str(places.program), "-cpu", self.cpu, "-L", str(places.root), *kept_out]
        return [*emulator, str(places.python), "-I", str(SCRIPT), line]


class Guests:
    """All guests of one bundle, which end with the block.

    Args:
        backend: Format of the graphs.
        runtime: Name of the runtime.
        command: Makes command lines.
        patience_s: Seconds after which a guest counts as hung.
        told: Called with a line before every step that takes long.

    Attributes:
        runtime: Loads graphs into guests.
        described: What each guest says, by its graph.
        problem: Why a guest ended, if one has.
    """

    def __init__(
        self, backend: str, runtime: str, command: Command, patience_s: float, told: Callable[[str], None]
    ) -> None:
        self._backend = backend
        self._command = command
        self._patience_s = patience_s
        self._told = told
        self._stack = ExitStack()
        self.runtime = Runtime(runtime, lambda: None, self._load, "emulated", timed=False)
        self.described: dict[str, Description] = {}
        self.problem: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _load(self, path: Path, contract: GraphContract, threads: int) -> _GuestRunner:
        scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="rapsam-guest-")))
        job = GuestJob(
            runtime=self._backend,
            path=str(path.absolute()),
            outputs=tuple(spec.name for spec in contract.outputs),
            threads=threads,
            scratch=str(scratch),
            packages=None,
        )
        self._told(f"{contract.graph}: loading")
        try:
            child = self._stack.enter_context(ChildProcess(self._command(job), None))
        except OSError as error:
            raise UnavailableError(f"a guest cannot be started: {error.strerror}") from error
        self._wait(contract, lambda: child.answer(self._patience_s))
        found = _description(scratch / "described.json")
        check_signature(
            contract, path, _named(contract.inputs, found.inputs), _named(contract.outputs, found.outputs)
        )
        self.described[contract.graph] = found

        def run() -> None:
            self._told(f"{contract.graph}: running")
            self._wait(contract, lambda: child.ask(_RUN, self._patience_s))

        return _GuestRunner(contract, scratch, run)

    def _wait(self, contract: GraphContract, step: Callable[[], object]) -> None:
        """Does a step of a guest; after the first that fails, none is tried: every one could take as long."""
        if self.problem is None:
            try:
                step()
            except UnavailableError as error:
                self.problem = f"graph {contract.graph!r}: {error}"
        if self.problem is not None:
            raise UnavailableError(self.problem)


class _GuestRunner:
    """A graph in a guest."""

    def __init__(self, contract: GraphContract, scratch: Path, run: Callable[[], None]) -> None:
        self._contract = contract
        self._inputs = scratch / "inputs.npz"
        self._outputs = scratch / "outputs.bin"
        self._run = run

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`."""
        with self._inputs.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **named_inputs(self._contract, inputs))
        self._outputs.unlink(missing_ok=True)
        self._run()
        return named_outputs(self._contract, _split(self._contract, self._outputs))


def _split(contract: GraphContract, path: Path) -> Sequence[npt.NDArray[np.float32]]:
    sizes = [spec.size for spec in contract.outputs]
    try:
        values = np.frombuffer(read_limited(path, 4 * sum(sizes)), "<f4")
    except (OSError, ValueError, BundleError) as error:
        raise UnavailableError(f"the guest of graph {contract.graph!r} left no outputs") from error
    if len(values) != sum(sizes):
        raise UnavailableError(
            f"the guest of graph {contract.graph!r} returned {len(values):,} values; expected {sum(sizes):,}"
        )
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return [part.reshape(spec.shape) for part, spec in zip(parts, contract.outputs, strict=True)]


def _description(path: Path) -> Description:
    try:
        return msgspec.json.decode(read_limited(path, _MAX_DESCRIPTION_BYTES), type=Description)
    except (OSError, BundleError, *JSON_ERRORS) as error:
        raise UnavailableError("a guest does not say what it has loaded") from error


def _named(specs: Sequence[TensorSpec], tensors: _Tensors) -> Shapes:
    """Returns shapes by name; where the format keeps none, by the contract's."""
    names = [spec.name for spec in specs] + [f"tensor {k}" for k in range(len(specs), len(tensors))]
    return {own or name: shape for name, (own, shape) in zip(names, tensors, strict=False)}
