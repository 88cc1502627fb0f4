"""Sealing a bundle by the digests of its files, and telling whether the seal holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rapsam.errors import BundleError
from rapsam.export.bundle.golden import check_golden
from rapsam.export.bundle.manifest import MANIFEST_NAME, SEAL_NAME, FileEntry, GraphEntry, Manifest
from rapsam.export.bundle.manifest_file import (
    MAX_MANIFEST_BYTES,
    decode_manifest,
    encode_record,
    read_manifest,
    seal_line,
)
from rapsam.export.bundle.manifest_fit import check_format
from rapsam.files import files_below, sha256_of
from rapsam.untrusted import FileState, list_files, read_limited, sha256_exactly

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

    Safe on folders that anyone may have made: no link is followed, nothing outside the folder is read,
    nothing is unpacked or loaded, and sizes, numbers and depths have limits.

    Args:
        folder: The bundle.

    Returns:
        The manifest, if every file is there, unchanged, and none is there that it does not name.

    Raises:
        BundleError: Naming the first file that is missing, truncated, edited, added, or a link.
    """
    try:
        return _verified(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(f"cannot read {folder}: {reason}; expected a bundle, copy it again") from error


def verify_runnable(folder: Path) -> Manifest:
    """Verifies a bundle whose graphs are to be loaded: they are files of the format that its recipe makes.

    Args:
        folder: The bundle.

    Raises:
        BundleError: See `verify_bundle` and `check_format`.
    """
    manifest = verify_bundle(folder)
    check_format(folder, manifest)
    return manifest


def _verified(folder: Path) -> Manifest:
    present = list_files(folder)
    manifest = read_manifest(folder)
    _check_names(folder, manifest, present)
    data = read_limited(folder / MANIFEST_NAME, MAX_MANIFEST_BYTES)
    _check_seal(folder, data)
    # What was sealed is what counts, should the file have changed since it was first read.
    manifest = decode_manifest(data, folder / MANIFEST_NAME)
    for entry in manifest.files:
        _check_file(folder, entry, present)
    for graph in manifest.graphs:
        _check_graph(folder, graph, manifest.files)
    sizes = {entry.path: entry.size_bytes for entry in manifest.files}
    check_golden(folder, sizes, [graph.contract for graph in manifest.graphs])
    if list_files(folder) != present:
        raise BundleError(f"{folder} was changed while it was read; verify it again")
    return manifest


def _check_names(folder: Path, manifest: Manifest, present: dict[str, FileState]) -> None:
    listed = {entry.path for entry in manifest.files} | _OWN
    for name in sorted(listed - present.keys()):
        raise BundleError(f"{folder} lacks {name}; copy or export the bundle again")
    for name in sorted(present.keys() - listed):
        shown = name if name.isprintable() else repr(name)
        raise BundleError(f"{folder} holds {shown}, which its manifest does not name; remove it")


def _check_seal(folder: Path, manifest: bytes) -> None:
    expected = seal_line(manifest)
    if read_limited(folder / SEAL_NAME, len(expected)) != expected:
        raise BundleError(
            f"{folder / MANIFEST_NAME} was edited or damaged (sha256 differs from {SEAL_NAME}); "
            "copy or export the bundle again"
        )


def _check_file(folder: Path, entry: FileEntry, present: dict[str, FileState]) -> None:
    path = folder / entry.path
    size = present[entry.path].size_bytes
    if size != entry.size_bytes:
        raise BundleError(f"{path} has {size:,} bytes; expected {entry.size_bytes:,}: copy the bundle again")
    if sha256_exactly(path, entry.size_bytes) != entry.sha256:
        raise BundleError(f"{path} was edited or damaged (sha256 differs); copy or export the bundle again")


def _check_graph(folder: Path, graph: GraphEntry, files: tuple[FileEntry, ...]) -> None:
    """Compares what the manifest says of a graph with what it says of the graph's files."""
    own = [entry for entry in files if entry.path == graph.path or entry.path.startswith(f"{graph.path}/")]
    if (_digest(graph, own), sum(entry.size_bytes for entry in own)) != (graph.sha256, graph.size_bytes):
        raise BundleError(f"{folder / graph.path} is not the graph that the manifest names; export it again")
    expected = encode_record(graph.contract)
    path = folder / graph.contract_path
    if read_limited(path, MAX_MANIFEST_BYTES) != expected:
        raise BundleError(f"{path} is not the contract that the manifest holds; export it again")


def _digest(graph: GraphEntry, own: list[FileEntry]) -> str:
    """Returns what `sha256_of` would, from the digests of the files."""
    if [entry.path for entry in own] == [graph.path]:
        return own[0].sha256
    names = sorted((entry.path.removeprefix(f"{graph.path}/"), entry.sha256) for entry in own)
    return hashlib.sha256("".join(f"{name} {sha256}\n" for name, sha256 in names).encode()).hexdigest()
