"""Reading a folder that anyone may have made: never through a link, never without a limit."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rapsam.errors import BundleError

MAX_FILES = 2000
MAX_DEPTH = 8
SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What Finder and Explorer put into every folder that they show; docs/formats.md lists them for the user."""
_APPLE_DOUBLE = "._"
"""Begins the name of a file in which macOS keeps what other file systems cannot hold."""
_CHUNK = 1 << 20


class FileState(NamedTuple):
    """What tells that a file was changed while it was read."""

    size_bytes: int
    modified_ns: int
    inode: int


def list_files(folder: Path) -> dict[str, FileState]:
    """Lists all files below a folder, by their paths relative to it, parts joined by "/".

    Files that `is_system_file` knows are counted, but not listed.

    Raises:
        BundleError: If the folder is none, if anything in it is neither plain file nor folder, or if it holds
            more than 2,000 files and folders or goes deeper than 8 folders.
        OSError: If it cannot be read.
    """
    if folder.is_symlink():
        raise BundleError(f"{folder} is a symbolic link; expected the folder of a bundle itself")
    if not folder.is_dir():
        raise BundleError(f"{folder} is no folder; expected a bundle made by 'rapsam export'")
    found: dict[str, FileState] = {}
    for seen, entry in enumerate(_walk(folder, 1), start=1):
        if seen > MAX_FILES:
            raise BundleError(f"{folder} holds more than {MAX_FILES:,} files and folders; it is no bundle")
        if not entry.is_dir(follow_symlinks=False) and not is_system_file(entry.name):
            name = Path(entry.path).relative_to(folder).as_posix()
            status = entry.stat(follow_symlinks=False)
            found[name] = FileState(status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def is_system_file(name: str) -> bool:
    """Tells whether systems put files of this name into folders: no bundle holds one of its own."""
    return name in SYSTEM_FILES or name.startswith(_APPLE_DOUBLE)


def _walk(folder: Path, depth: int) -> Iterator[os.DirEntry[str]]:
    if depth > MAX_DEPTH:
        raise BundleError(f"{str(folder)!r} lies more than {MAX_DEPTH} folders deep; remove it")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise BundleError(f"{entry.path!r} is a symbolic link; expected plain files only")
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), depth + 1)
            elif not entry.is_file(follow_symlinks=False):
                raise BundleError(f"{entry.path!r} is neither file nor folder; expected plain files only")


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """Opens a plain file for reading. A link is not followed, and a pipe does not make one wait.

    Raises:
        BundleError: If it is something else.
        OSError: If it cannot be opened.
    """
    # Windows knows neither of the two.
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, os.O_RDONLY | careful), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise BundleError(f"{path} is no plain file; expected plain files only")
        yield stream


def read_limited(path: Path, limit: int) -> bytes:
    """Reads a plain file of at most `limit` bytes.

    Raises:
        BundleError: If it is larger, or no plain file.
        OSError: If it cannot be read.
    """
    with open_plain(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        data = b"" if size > limit else stream.read(limit + 1)
    if max(size, len(data)) > limit:
        raise BundleError(f"{path} has {size:,} bytes; expected at most {limit:,}")
    return data


def read_start(path: Path, count: int) -> bytes:
    """Reads the first `count` bytes of a plain file, fewer if it is shorter.

    Raises:
        BundleError: If it is no plain file.
        OSError: If it cannot be read.
    """
    with open_plain(path) as stream:
        return stream.read(count)


def sha256_exactly(path: Path, size_bytes: int) -> str:
    """Hashes a plain file that must have `size_bytes`; never reads more than one chunk beyond.

    Raises:
        BundleError: If it has another size, or is no plain file.
        OSError: If it cannot be read.
    """
    digest, seen = hashlib.sha256(), 0
    with open_plain(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            seen += len(chunk)
            if seen > size_bytes:
                break
    if seen != size_bytes:
        raise BundleError(
            f"{path} has other than {size_bytes:,} bytes, as was expected; copy the bundle again"
        )
    return digest.hexdigest()
