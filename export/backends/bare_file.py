"""Graphs without a bundle: a file that the user has, with a contract derived from the file alone."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast, runtime_checkable

from rapsam.contract import GraphContract
from rapsam.errors import InputError, quoted
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.base import Backend
from rapsam.export.backends.file_tensors import GivenShapes

NO_SHAPES: GivenShapes = MappingProxyType({})


@runtime_checkable
class ReadsFiles(Protocol):
    """A backend that can say of any file of its format what it takes and returns."""

    def file_contract(self, path: Path) -> GraphContract:
        """Derives the contract of a file.

        Args:
            path: A file of this format, from anywhere.

        Returns:
            Names and static shapes. Nothing is known of ranges and meanings; outputs are float32, as every
            runner returns them.

        Raises:
            UnavailableError: If the format cannot be run here.
            BundleError: If the runtime refuses the file, or a shape is not static.
        """
        ...


@runtime_checkable
class TakesShapes(Protocol):
    """A backend whose files may leave sides open, which the user then closes."""

    def shaped_contract(self, path: Path, shapes: GivenShapes) -> GraphContract:
        """Derives the contract of a file with inputs of some shapes; see `ReadsFiles.file_contract`.

        Args:
            path: See there.
            shapes: Of inputs, by name: at least of those whose shape the file leaves open.

        Raises:
            InputError: If there is no such input, or the file fixes another shape.
            RapSamError: As `ReadsFiles.file_contract`; also if the graph cannot be run with these shapes.
        """
        ...


def file_backends(path: Path) -> tuple[Backend, ...]:
    """Finds the formats that a file can have, by its suffix, those that can be run here first.

    Raises:
        InputError: If it is none of a format whose files say what they take.
    """
    readers = [backend for backend in BACKENDS.values() if isinstance(backend, ReadsFiles)]
    found = [backend for backend in readers if backend.suffix == path.suffix]
    if not found:
        known = ", ".join(dict.fromkeys(backend.suffix for backend in readers))
        raise InputError(
            f"{quoted(path.name)} is neither a bundle's folder nor a file that can be run by itself; "
            f"expected a folder made by 'rapsam export', or a file with one of the endings {known}"
        )
    return tuple(sorted(found, key=lambda backend: backend.cannot_run() is not None))


def file_contract(backend: Backend, path: Path, shapes: GivenShapes = NO_SHAPES) -> GraphContract:
    """Derives the contract of a file; see `ReadsFiles.file_contract` and `TakesShapes.shaped_contract`.

    Raises:
        InputError: Also if shapes are given for a format whose files fix them.
    """
    if shapes and isinstance(backend, TakesShapes):
        return backend.shaped_contract(path, shapes)
    if shapes:
        raise InputError(
            f"--shape for {path}, whose shapes are fixed, as in all {backend.suffix} files; leave it out"
        )
    return cast("ReadsFiles", backend).file_contract(path)
