"""How large the table of contents of a zip archive is, before Python makes objects of it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from rapsam.errors import CheckpointError

_MAX_DIRECTORY = 16 * 1024**2
_END_BYTES = 22
_TAIL = _END_BYTES + 65_536
_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LOCATOR_BYTES, _END_64_BYTES = 20, 56


def check_directory(path: Path, file: IO[bytes]) -> None:
    """Refuses an archive with hundreds of thousands of entries; one without a table passes.

    Raises:
        CheckpointError: If the table of contents is larger than 16 MiB.
    """
    file.seek(max(0, path.stat().st_size - _TAIL - _LOCATOR_BYTES - _END_64_BYTES))
    tail = file.read()
    file.seek(0)
    end = _end_of(tail)
    sizes = [int.from_bytes(tail[end + 12 : end + 16], "little")] if end >= 0 else []
    locator = end - _LOCATOR_BYTES
    if locator >= _END_64_BYTES and tail[locator : locator + 4] == _LOCATOR_64:
        at = locator - _END_64_BYTES
        # The small field then holds nothing but ones.
        sizes = [int.from_bytes(tail[at + 40 : at + 48], "little")] if tail[at : at + 4] == _END_64 else sizes
    if any(size > _MAX_DIRECTORY for size in sizes):
        raise CheckpointError(f"{path} has a table of contents of {sizes[0]:,} bytes; save it with PyTorch")


def _end_of(tail: bytes) -> int:
    """Finds the record that Python's `zipfile` takes: the last 22 bytes if they are one without a comment."""
    last = len(tail) - _END_BYTES
    is_last = last >= 0 and tail[last:].startswith(_END) and tail.endswith(b"\0\0")
    return last if is_last else tail.rfind(_END)
