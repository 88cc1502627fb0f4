"""Sealing a bundle by the digests of its files, and telling whether the seal holds."""

from __future__ import annotations

from pathlib import Path

from rapsam.errors import BundleError, InputError
from rapsam.export.manifest import (
    MANIFEST_NAME,
    SEAL_NAME,
    FileEntry,
    Manifest,
    read_manifest,
    seal_line,
)
from rapsam.files import files_below, sha256_of

_OWN = {MANIFEST_NAME, SEAL_NAME}


def file_entries(folder: Path) -> tuple[FileEntry, ...]:
    """Lists every file of a bundle folder but the manifest and its digest."""
    return tuple(
        FileEntry(
            path=name.as_posix(),
            sha256=sha256_of(folder / name),
            size_bytes=(folder / name).stat().st_size,
        )
        for name in files_below(folder)
        if name.as_posix() not in _OWN
    )


def verify_bundle(folder: Path) -> Manifest:
    """Reads a bundle's manifest and checks every file against it.

    Args:
        folder: The bundle.

    Returns:
        The manifest, if every file is there, unchanged, and none is there that it does not name.

    Raises:
        BundleError: Naming the first file that is missing, truncated, edited, added, or a link.
    """
    manifest = read_manifest(folder)
    try:
        present = {name.as_posix() for name in files_below(folder)}
    except InputError as error:
        raise BundleError(str(error)) from error
    listed = {entry.path for entry in manifest.files} | _OWN
    for name in sorted(listed - present):
        raise BundleError(f"{folder} lacks {name}; copy or export the bundle again")
    for name in sorted(present - listed):
        raise BundleError(f"{folder} holds {name}, which its manifest does not name; remove it")
    _check_manifest(folder)
    for entry in manifest.files:
        _check_file(folder, entry)
    for graph in manifest.graphs:
        if sha256_of(folder / graph.path) != graph.sha256:
            raise BundleError(
                f"{folder / graph.path} is not the graph that the manifest names; export it again"
            )
    return manifest


def _check_manifest(folder: Path) -> None:
    expected = seal_line(folder)
    with (folder / SEAL_NAME).open("rb") as seal:
        if seal.read(len(expected) + 1) != expected:
            raise BundleError(
                f"{folder / MANIFEST_NAME} was edited or damaged (sha256 differs from {SEAL_NAME}); "
                "copy or export the bundle again"
            )


def _check_file(folder: Path, entry: FileEntry) -> None:
    path = folder / entry.path
    size = path.stat().st_size
    if size != entry.size_bytes:
        raise BundleError(f"{path} has {size:,} bytes; expected {entry.size_bytes:,}: copy the bundle again")
    if sha256_of(path) != entry.sha256:
        raise BundleError(f"{path} was edited or damaged (sha256 differs); copy or export the bundle again")
