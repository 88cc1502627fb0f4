"""Writing files and folders so that a reader never meets half of one, and hashing them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rapsam.errors import InputError

_ABANDONED_S = 24 * 3600
_MARK = ".rapsam-"


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file in full or not at all.

    Args:
        path: Destination; an existing file is replaced.
        data: Content.

    Raises:
        InputError: If the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            # A new name must not outlive its content when the power fails.
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Gives a scratch folder that becomes `path` if the block ends without an error.

    What earlier processes left of the same destination when they were killed is removed after a day.

    Args:
        path: Destination; must not exist, or be an empty folder.

    Yields:
        A new folder beside the destination, removed again if the block raises, with all parents that
        had to be made for it.

    Raises:
        InputError: If the destination holds files or cannot be written.
    """
    check_new_folder(path)
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path.parent, re.escape(path.name))
        scratch = scratch_folder(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield scratch
        _move(scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def scratch_folder(destination: Path) -> Path:
    """Makes a folder in which to make what shall be renamed to `destination`: a hidden one beside it."""
    return Path(tempfile.mkdtemp(prefix=f".{destination.name}{_MARK}", dir=destination.parent))


def remove_abandoned(parent: Path, name: str, after_s: float = _ABANDONED_S) -> None:
    """Removes scratch folders that nobody has changed for long: their processes were killed.

    Args:
        parent: Where to look; not below.
        name: Pattern of the names of their destinations.
        after_s: Seconds without a change, a day unless told; 0 where there can be no other writer.
    """
    scratch = re.compile(rf"\.{name}{re.escape(_MARK)}[a-z0-9_]{{8}}")
    for path in parent.iterdir():
        if scratch.fullmatch(path.name) and _age_s(path) >= after_s:
            shutil.rmtree(path, ignore_errors=True)


def _age_s(folder: Path) -> float:
    """Seconds since a folder changed; 0 if its owner has just finished with it."""
    try:
        return time.time() - folder.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _move(scratch: Path, path: Path) -> None:
    try:
        scratch.chmod(0o755)
        if path.exists():
            path.rmdir()
        scratch.rename(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def check_new_folder(path: Path) -> None:
    """Tells before long work whether `atomic_folder` will be able to start.

    Raises:
        InputError: If the destination holds files or cannot be written.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} exists already; expected a new folder: choose another, or remove it")
    except OSError as error:
        raise _unwritable(path, error) from error
    check_writable(path)


def check_writable(folder: Path) -> None:
    """Tells before long work whether files can be written to a folder that may not exist yet.

    Raises:
        InputError: If it is a file, lies below one, or may not be written.
    """
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(None, f"{nearest} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(None, f"you may not write to {nearest}")
    except OSError as error:
        raise _unwritable(folder, error) from error


def files_below(folder: Path) -> list[Path]:
    """Lists all plain files below a folder, as sorted relative paths; symbolic links are an error."""
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link; expected plain files only")
        if path.is_file():
            found.append(path.relative_to(folder))
        elif not path.is_dir():
            raise InputError(f"{path} is neither file nor folder; expected plain files only")
    return sorted(found, key=lambda relative: relative.as_posix())


def sha256_of(path: Path) -> str:
    """Hashes a file's content, or a folder's file names and contents, to a hex digest."""
    if path.is_dir():
        lines = [f"{name.as_posix()} {sha256_of(path / name)}\n" for name in files_below(path)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Gives the bytes of a file, or of all files below a folder."""
    if path.is_dir():
        return sum((path / name).stat().st_size for name in files_below(path))
    return path.stat().st_size


def check_output_file(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Tells before long work whether a file can be written without harm to what is read.

    Args:
        path: The file, which may exist.
        inputs: Files and folders that are read.

    Raises:
        InputError: If the path is not that of a plain file, is one of the inputs or lies in one, or its
            folder cannot be written.
    """
    try:
        if not path.name or path.is_dir():
            raise InputError(f"{path} is a folder; expected the name of a file")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a pipe or a device; expected the name of a plain file")
        resolved = path.resolve()
        for given in inputs:
            if resolved.is_relative_to(given.resolve()) or (path.exists() and path.samefile(given)):
                raise InputError(f"{path} would be written over {given}, which is read; choose another file")
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} cannot be the name of a file ({error}); choose another") from error
    check_writable(path.parent)


def _unwritable(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot write {path}: {reason}; choose a folder that you may write to")
