"""Finished stages of exports, kept between runs under the digest of what they were made from."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rapsam.errors import JSON_ERRORS, InputError, printable
from rapsam.export.bundle.manifest import FileEntry
from rapsam.export.bundle.seal import file_entries
from rapsam.files import files_below, remove_abandoned, scratch_folder
from rapsam.locks import wait_for_lock
from rapsam.user_cache import user_cache

FOLDER_VARIABLE = "RAPSAM_CACHE"
LIMIT_BYTES = 8 * 10**9
_INDEX = "index.json"
_FILES = "files"
_RECORD = "record.json"
_LOCK = ".lock"
_KEY = "[0-9a-f]{64}"
Note = Callable[[str], None]


def cache_folder() -> Path:
    """Returns the folder of the cache: `RAPSAM_CACHE`, or `rapsam/stages` in the user's cache."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    return user_cache() / "rapsam" / "stages"


def _no_problem(_record: bytes) -> None:
    """Finds nothing wrong."""


class StageCache:
    """A folder of finished stages, safe for several processes at a time.

    An entry is a folder named by its key, with the stage's files, its record, and the digests of both. It
    appears by one rename, under a lock, and its time of change is that of its last use. Whatever goes wrong
    with the cache costs time only: it is noted, and the stage is made again. The folder may hold other things
    too: they are neither read nor changed.

    Args:
        folder: Where; made when first written to.
        limit_bytes: The entries that were not used for longest are removed when all together are larger.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def take(
        self, key: str, destination: Path, note: Note, problem_of: Callable[[bytes], str | None] = _no_problem
    ) -> bytes | None:
        """Copies the files of a stage, and checks the copies.

        Args:
            key: Digest of what the stage is made from.
            destination: An empty folder for the files; empty again if there is no good entry.
            note: Gets a line if an entry is damaged, and removed; or if it cannot be copied, and stays.
            problem_of: Says what is wrong between the record and the copied files, None if nothing is.

        Returns:
            The record of the stage, or None if there is no good entry.
        """
        entry = self.folder / key
        try:
            if not entry.is_dir():
                return None
            with self._locked():
                return self._take(entry, destination, note, problem_of)
        except (OSError, InputError) as error:  # a full disk or a lock, say: the entry may be good
            _empty(destination)
            note(f"{self.folder} cannot be used: {getattr(error, 'strerror', None) or error}")
            return None

    def _take(
        self, entry: Path, destination: Path, note: Note, problem_of: Callable[[bytes], str | None]
    ) -> bytes | None:
        if not entry.is_dir():  # another process removed it just now, to make room
            return None
        try:
            record = (entry / _RECORD).read_bytes()
            listed = msgspec.json.decode((entry / _INDEX).read_bytes(), type=tuple[FileEntry, ...])
            _copy(entry / _FILES, destination)
            problem: str | None = "its digest differs"
            if listed == (_record_entry(record), *file_entries(destination)):
                problem = problem_of(record)
            if problem is None:
                os.utime(entry)
                return record
        except (FileNotFoundError, IsADirectoryError, InputError, *JSON_ERRORS) as error:
            problem = printable(str(error))
        _empty(destination)
        note(f"the stored stage {entry.name[:12]} is damaged ({problem}); it is made again")
        shutil.rmtree(entry)
        return None

    def put(self, key: str, source: Path, record: bytes, note: Note) -> None:
        """Stores a finished stage, and removes what was not used for longest if there is no room.

        Args:
            key: Digest of what the stage was made from.
            source: Folder with the files of the stage, and nothing else; they are copied.
            record: JSON.
            note: Gets a line if the cache cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = scratch_folder(self.folder / key)
        except OSError as error:
            note(f"finished stages cannot be kept in {self.folder}: {error.strerror}")
            return
        try:
            _copy(source, scratch / _FILES)
            (scratch / _RECORD).write_bytes(record)
            listed = (_record_entry(record), *file_entries(scratch / _FILES))
            (scratch / _INDEX).write_bytes(msgspec.json.encode(listed))
            with self._locked():
                if not (self.folder / key).exists():  # else another process was quicker
                    scratch.rename(self.folder / key)
                self._make_room(keep=key)
        except (OSError, InputError) as error:
            note(f"a finished stage cannot be kept in {self.folder}: {error}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Waits until no other process or thread changes or copies entries."""
        with (self.folder / _LOCK).open("ab") as lock:
            wait_for_lock(lock.fileno(), self.folder)
            yield

    def _make_room(self, keep: str) -> None:
        used = sorted((entry.stat().st_mtime, _size(entry), entry) for entry in self._entries())
        total = sum(size for _, size, _ in used)
        for _, size, entry in used:
            if total > self.limit_bytes and entry.name != keep:
                shutil.rmtree(entry)
                total -= size
        remove_abandoned(self.folder, _KEY)

    def _entries(self) -> list[Path]:
        """Finds what is ours: the folder may have been meant for something else."""
        named = [path for path in self.folder.iterdir() if re.fullmatch(_KEY, path.name)]
        return [path for path in named if not path.is_symlink() and (path / _INDEX).is_file()]


def _record_entry(record: bytes) -> FileEntry:
    return FileEntry(path=_RECORD, sha256=hashlib.sha256(record).hexdigest(), size_bytes=len(record))


def _copy(source: Path, destination: Path) -> None:
    """Copies plain files and folders; `shutil.copytree` would not tell a full disk from a missing file."""
    destination.mkdir(exist_ok=True)
    files = files_below(source)
    for folder in source.rglob("*/"):
        (destination / folder.relative_to(source)).mkdir(parents=True, exist_ok=True)
    for name in files:
        shutil.copyfile(source / name, destination / name)


def _size(entry: Path) -> int:
    """Returns the bytes of all files of an entry, damaged or not."""
    return sum(path.lstat().st_size for path in entry.rglob("*") if not path.is_dir())


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
