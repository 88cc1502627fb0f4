"""Loading exactly the graph that a manifest names: from a private copy that is hashed while it is made.

Between verifying a folder and loading from it, someone else may write to it. What a runtime is given is
therefore a copy that nobody else knows, and its digest is the one of the manifest.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rapsam.errors import BundleError, RapSamError
from rapsam.export.backends.runtimes import THREADS, Runtime, reported_units
from rapsam.export.bundle.manifest import GraphEntry, Manifest
from rapsam.files import remove_abandoned, scratch_folder
from rapsam.inference.runner import Arrays, Runner
from rapsam.locks import holding
from rapsam.untrusted import list_files, open_plain

_CHUNK = 1 << 20
_NAME = "rapsam-copy"
# A folder may be a moment old before it is locked.
_ABANDONED_S = 60.0


def load_graphs(
    runtime: Runtime, folder: Path, manifest: Manifest, threads: int = THREADS
) -> dict[str, Runner]:
    """Loads all graphs of a verified bundle, by their names; see `load_graph`."""
    return {entry.contract.graph: load_graph(runtime, folder, entry, threads) for entry in manifest.graphs}


def load_graph(runtime: Runtime, folder: Path, entry: GraphEntry, threads: int = THREADS) -> Runner:
    """Loads a graph of a bundle from a private copy, which lives as long as the runner.

    Args:
        runtime: What will run it.
        folder: The bundle.
        entry: The graph as the verified manifest has it.
        threads: CPU threads; see `Backend.load`.

    Raises:
        BundleError: If the graph is not the one that the manifest names, or the runtime refuses it.
        UnavailableError: If the runtime does not work here.
    """
    private = _private_copy(folder, entry)
    try:
        runner = runtime.load(private.path / entry.path, entry.contract, threads)
    except BaseException as error:
        private.remove()
        if isinstance(error, OSError):
            raise _not_copied(folder / entry.path, error) from error
        if isinstance(error, RapSamError):
            raise _of_original(error, private.path, folder) from error
        raise
    return _RunnerOfCopy(runner, private, folder)


@contextmanager
def private_graph(folder: Path, entry: GraphEntry) -> Iterator[Path]:
    """Gives a private copy of a graph, for as long as it is read.

    Args:
        folder: The bundle.
        entry: The graph as the verified manifest has it.

    Raises:
        BundleError: If the graph is not the one that the manifest names.
    """
    private = _private_copy(folder, entry)
    try:
        yield private.path / entry.path
    finally:
        private.remove()


def _private_copy(folder: Path, entry: GraphEntry) -> _PrivateFolder:
    """Copies a graph into a folder of its own, which the caller removes."""
    try:
        private = _PrivateFolder()
    except OSError as error:
        raise _not_copied(folder / entry.path, error) from error
    try:
        _copy_checked(folder, entry, private.path)
    except BaseException as error:
        private.remove()
        if isinstance(error, OSError):
            raise _not_copied(folder / entry.path, error) from error
        raise
    return private


class _PrivateFolder:
    """A new folder among the temporary files, for this user only, and locked until it is removed."""

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir(), _NAME)
        # What killed processes left: a living one holds its own locked.
        remove_abandoned(place.parent, re.escape(_NAME), after_s=_ABANDONED_S)
        self.path = scratch_folder(place, mode=0o700)
        self._lock = ExitStack()
        self._lock.enter_context(holding(self.path))

    def remove(self) -> None:
        """Removes it with all that it holds."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


class _RunnerOfCopy:
    """Some runtimes read the file anew for each run."""

    def __init__(self, runner: Runner, private: _PrivateFolder, folder: Path) -> None:
        self._runner = runner
        self._private = private.path
        self._folder = folder
        weakref.finalize(self, private.remove)

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        try:
            return self._runner.run(inputs)
        except RapSamError as error:
            raise _of_original(error, self._private, self._folder) from error

    def units(self) -> tuple[str, ...] | None:
        return reported_units(self._runner)


def _of_original(error: RapSamError, private: Path, folder: Path) -> RapSamError:
    """Writes a message about the bundle, which the user knows, instead of the copy."""
    return type(error)(str(error).replace(str(private), str(folder)))


def _copy_checked(folder: Path, entry: GraphEntry, private: Path) -> None:
    source = folder / entry.path
    if source.is_dir():
        names = sorted(list_files(source))
        digests = [_copy_file(source / name, private / entry.path / name, entry) for name in names]
        lines = [f"{name} {digest}\n" for name, digest in zip(names, digests, strict=True)]
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    else:
        digest = _copy_file(source, private / entry.path, entry)
    if digest != entry.sha256:
        raise BundleError(f"{source} was changed after it was verified; copy or export the bundle again")


def _copy_file(source: Path, destination: Path, entry: GraphEntry) -> str:
    """Copies a plain file of a graph, never more than the graph may have, and gives its digest."""
    digest, seen = hashlib.sha256(), 0
    destination.parent.mkdir(parents=True, exist_ok=True)
    with open_plain(source) as stream, destination.open("xb") as copy:
        while seen <= entry.size_bytes and (chunk := stream.read(_CHUNK)):
            digest.update(chunk)
            copy.write(chunk)
            seen += len(chunk)
    return digest.hexdigest()


def _not_copied(path: Path, error: OSError) -> BundleError:
    reason = error.strerror or str(error)
    return BundleError(
        f"cannot copy {path} to {tempfile.gettempdir()} ({reason}); name another folder as TMPDIR"
    )
