"""Graphs without a bundle: a file that the user has, with a contract derived from the file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from rapsam.contract import GraphContract
from rapsam.errors import InputError, quoted
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.base import Backend


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


def file_contract(backend: Backend, path: Path) -> GraphContract:
    """Derives the contract of a file; see `ReadsFiles.file_contract`."""
    return cast("ReadsFiles", backend).file_contract(path)
