"""Finished stages of exports, kept between runs under the digest of what they were made from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rapsam.errors import InputError
from rapsam.export.manifest import FileEntry
from rapsam.export.seal import file_entries
from rapsam.files import size_of

FOLDER_VARIABLE = "RAPSAM_CACHE"
LIMIT_BYTES = 8 * 10**9
_INDEX = "index.json"
_FILES = "files"
_RECORD = "record.json"
_LOCK = ".lock"
_SCRATCH = ".new."
_ABANDONED_S = 24 * 3600
Note = Callable[[str], None]


def cache_folder() -> Path:
    """Gives the folder of the cache: `RAPSAM_CACHE`, or `rapsam/stages` in the user's cache."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rapsam" / "stages"


class StageCache:
    """A folder of finished stages, safe for several processes at a time.

    An entry is a folder named by its key, with the stage's files, its record, and the digests of both. It
    appears by one rename, under a lock, and its time of change is that of its last use. Whatever goes wrong
    with the cache costs time only: it is noted, and the stage is made again.

    Args:
        folder: Where; made when first written to.
        limit_bytes: The entries that were not used for longest are removed when all together are larger.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def take(self, key: str, destination: Path, note: Note) -> bytes | None:
        """Copies the files of a stage, and checks the copies.

        Args:
            key: Digest of what the stage is made from.
            destination: An empty folder for the files; empty again if there is no good entry.
            note: Gets a line if an entry is damaged; the entry is removed.

        Returns:
            The record of the stage, or None if there is no good entry.
        """
        entry = self.folder / key
        try:
            if not entry.is_dir():
                return None
            with self._locked():
                return self._take(entry, destination, note)
        except OSError as error:
            note(f"{self.folder} cannot be used: {error.strerror}")
            return None

    def _take(self, entry: Path, destination: Path, note: Note) -> bytes | None:
        if not entry.is_dir():  # another process removed it just now, to make room
            return None
        try:
            shutil.copytree(entry / _FILES, destination, dirs_exist_ok=True, copy_function=shutil.copyfile)
            record = (entry / _RECORD).read_bytes()
            listed = msgspec.json.decode((entry / _INDEX).read_bytes(), type=tuple[FileEntry, ...])
            if listed == (_record_entry(record), *file_entries(destination)):
                os.utime(entry)
                return record
            problem = "its digest differs"
        except (OSError, InputError, msgspec.MsgspecError, shutil.Error) as error:
            problem = str(error)
        note(f"the stored stage {entry.name[:12]} is damaged ({problem}); it is made again")
        shutil.rmtree(entry)
        _empty(destination)
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
            scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.folder))
        except OSError as error:
            note(f"finished stages cannot be kept in {self.folder}: {error.strerror}")
            return
        try:
            shutil.copytree(source, scratch / _FILES, copy_function=shutil.copyfile)
            (scratch / _RECORD).write_bytes(record)
            listed = (_record_entry(record), *file_entries(scratch / _FILES))
            (scratch / _INDEX).write_bytes(msgspec.json.encode(listed))
            with self._locked():
                if not (self.folder / key).exists():  # else another process was quicker
                    scratch.rename(self.folder / key)
                self._make_room(keep=key)
        except (OSError, shutil.Error) as error:
            note(f"a finished stage cannot be kept in {self.folder}: {error}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Waits until no other process or thread changes or copies entries."""
        with (self.folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_room(self, keep: str) -> None:
        entries = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        used = sorted((entry.stat().st_mtime, size_of(entry), entry) for entry in entries)
        total = sum(size for _, size, _ in used)
        for _, size, entry in used:
            if total > self.limit_bytes and entry.name != keep:
                shutil.rmtree(entry)
                total -= size
        for scratch in self.folder.glob(f"{_SCRATCH}*"):
            if _age_s(scratch) > _ABANDONED_S:
                shutil.rmtree(scratch, ignore_errors=True)


def _record_entry(record: bytes) -> FileEntry:
    return FileEntry(path=_RECORD, sha256=hashlib.sha256(record).hexdigest(), size_bytes=len(record))


def _age_s(scratch: Path) -> float:
    """Seconds since a scratch folder changed; 0 if its owner has just finished with it, without the lock."""
    try:
        return time.time() - scratch.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
