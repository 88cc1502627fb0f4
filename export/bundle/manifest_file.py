"""Reading and writing the manifest of a bundle, its digest, and the contracts beside its graphs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from rapsam.errors import BundleError, InputError
from rapsam.export.bundle.manifest import MANIFEST_NAME, SCHEMA_VERSION, SEAL_NAME, GraphEntry, Manifest
from rapsam.export.bundle.manifest_check import manifest_problems, one_line
from rapsam.files import write_atomic
from rapsam.untrusted import read_limited

MAX_MANIFEST_BYTES = 8 * 1024**2


def encode_record(record: object) -> bytes:
    """Writes a record as indented JSON, the same bytes for the same content."""
    return msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=2) + b"\n"


def write_contract(folder: Path, entry: GraphEntry) -> None:
    """Writes a graph's contract beside the artifact."""
    write_atomic(folder / entry.contract_path, encode_record(entry.contract))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes `manifest.json`, the same bytes for the same content, and its digest as `sha256sum` does."""
    content = encode_record(manifest)
    write_atomic(folder / MANIFEST_NAME, content, sealed=True)
    write_atomic(folder / SEAL_NAME, seal_line(content), sealed=True)


def seal_line(manifest: bytes) -> bytes:
    """Makes the content of the manifest's digest file, in the form that `sha256sum --check` reads."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST_NAME}\n".encode()


class _Version(msgspec.Struct):
    schema_version: int


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks the manifest of a bundle; the other files are not looked at.

    Raises:
        BundleError: If it is missing, too large, damaged, of another schema, out of bounds, or names
            anything but plain paths inside the bundle.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder} is no folder; expected a bundle made by 'rapsam export'")
    path = folder / MANIFEST_NAME
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{folder} has no {MANIFEST_NAME}; expected a bundle made by 'rapsam export'")
    try:
        return decode_manifest(read_limited(path, MAX_MANIFEST_BYTES), path)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}; copy the bundle again") from error


def decode_manifest(data: bytes, path: Path) -> Manifest:
    """Decodes and checks the content of a manifest; see `read_manifest`.

    Args:
        data: Content.
        path: Where it was read, for messages.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"{path} has schema version {str(version)[:20]}; this toolkit reads {SCHEMA_VERSION}: "
                "export it again"
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, InputError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({one_line(error)}); export the bundle again") from error
    for problem in manifest_problems(manifest, (MANIFEST_NAME, SEAL_NAME)):
        raise BundleError(f"{path} {problem}")
    return manifest
