"""Writing files and folders so that a reader never meets half of one, and hashing them."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import msgspec

from rapsam.errors import InputError, reason_of
from rapsam.locks import holding, is_in_use, wait_for_lock

_ABANDONED_S = 24 * 3600
_MARK = ".rapsam-"
_RANDOM = "[a-z0-9_]{8}"
_SEALED = ("manifest.json", "manifest.sha256")
"""What makes a folder a sealed bundle."""
_REMEDIES = {
    errno.ENOSPC: "free some space, or choose another disk",
    errno.EDQUOT: "free some space, or choose another disk",
    errno.EMFILE: "allow more open files, as with `ulimit -n 1024`",
    errno.ENAMETOOLONG: "choose a folder that you may write to, and a shorter name",
}


def write_atomic(path: Path, data: bytes, *, sealed: bool = False) -> None:
    """Writes a file in full or not at all, with the permissions that the user's umask leaves.

    What earlier processes left in the folder when they were killed is removed after a day.

    Args:
        path: Destination; an existing file is replaced.
        data: Content.
        sealed: Whether it may belong to a sealed bundle.

    Raises:
        InputError: If the folder cannot be written, or belongs to a sealed bundle.
    """
    if not sealed:
        check_outside_bundles(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = scratch_file(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            # A new name must not outlive its content when the power fails.
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: msgspec.Struct) -> None:
    """Writes a record as readable JSON, in full or not at all.

    Raises:
        InputError: As `write_atomic`.
    """
    write_atomic(path, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def scratch_file(folder: Path) -> Path:
    """Makes an empty file in which to write what will be renamed to a file of the same folder.

    What earlier processes left in the folder when they were killed is removed after a day.

    Raises:
        OSError: If the folder cannot be written.
    """
    _tidy(folder.absolute())
    # The name of the destination would make a long one too long.
    path = folder / f"{_MARK}{_random()}"
    path.touch(exist_ok=False)
    return path


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Returns a scratch folder that becomes `path` if the block ends without an error.

    What earlier processes left of the same destination when they were killed is removed after a day.

    Args:
        path: Destination; must not exist, or be an empty folder.

    Yields:
        A new folder beside the destination, removed again if the block raises, with all parents that
        had to be made for it.

    Raises:
        InputError: If the destination holds files, cannot be written, or is being made by another process.
    """
    check_new_folder(path)
    missing = [folder for folder in path.parents if not folder.exists()]
    scratch = None
    with ExitStack() as lock:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(path.parent, re.escape(path.name))
            with _locked(path.parent):
                _refuse_second(path)
                scratch = scratch_folder(path)
                lock.enter_context(holding(scratch))
        except OSError as error:
            _remove(scratch, missing)
            raise _unwritable(path, error) from error
        try:
            yield scratch
            _move(scratch, path)
        finally:
            _remove(scratch, missing)


def scratch_folder(destination: Path, mode: int = 0o777) -> Path:
    """Makes a folder in which to make what will be renamed to `destination`: a hidden one beside it.

    Args:
        destination: Where its content will go.
        mode: Permissions, less what the user's umask takes.
    """
    folder = destination.parent / f".{destination.name}{_MARK}{_random()}"
    folder.mkdir(mode)
    return folder


def remove_abandoned(parent: Path, name: str, after_s: float = _ABANDONED_S) -> None:
    """Removes scratch folders that nobody has changed for long or holds locked: their processes were killed.

    Args:
        parent: Where to look; not below.
        name: Pattern of the names of their destinations.
        after_s: Seconds without a change, a day unless told; 0 where there can be no other writer.
    """
    for path in _scratch_folders(parent, name):
        if _age_s(path) >= after_s and not is_in_use(path):
            shutil.rmtree(path, ignore_errors=True)


def _scratch_folders(parent: Path, name: str) -> list[Path]:
    scratch = re.compile(rf"\.{name}{re.escape(_MARK)}{_RANDOM}")
    return [path for path in parent.iterdir() if scratch.fullmatch(path.name)]


def _random() -> str:
    return secrets.token_hex(4)


@lru_cache(maxsize=64)
def _tidy(folder: Path) -> None:
    """Removes files that killed processes left half written; looks only once into a folder of many files."""
    scratch = re.compile(rf"{re.escape(_MARK)}{_RANDOM}")
    for path in folder.iterdir():
        old = scratch.fullmatch(path.name) and _age_s(path) >= _ABANDONED_S
        if old and path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    """Seconds since a file or folder changed; 0 if its owner has just finished with it."""
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _refuse_second(path: Path) -> None:
    """A scratch folder is locked as long as its process lives, however that ends."""
    if any(is_in_use(scratch) for scratch in _scratch_folders(path.parent, re.escape(path.name))):
        raise InputError(f"another process is making {path}; wait for it, or choose another folder")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Waits while another process begins something in the same folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait_for_lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _move(scratch: Path, path: Path) -> None:
    try:
        if path.exists():
            path.rmdir()
        scratch.rename(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _remove(scratch: Path | None, parents: list[Path]) -> None:
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    for folder in parents:
        with suppress(OSError):
            folder.rmdir()


def check_new_folder(path: Path) -> None:
    """Tells before long work whether `atomic_folder` will be able to start.

    Raises:
        InputError: If the destination holds files, cannot be written, or is being made by another process.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} exists already; expected a new folder: choose another, or remove it")
        check_writable(path)
        if path.parent.is_dir():
            with _locked(path.parent):
                _refuse_second(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def check_writable(folder: Path) -> None:
    """Tells before long work whether files can be written to a folder that may not exist yet.

    Raises:
        InputError: If it is a file, lies below one, may not be written, or belongs to a sealed bundle.
    """
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
        if not nearest.exists():
            raise FileNotFoundError(None, f"{nearest} is a link to nothing")
        if not nearest.is_dir():
            raise NotADirectoryError(None, f"{nearest} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(None, f"you may not write to {nearest}")
    except OSError as error:
        raise _unwritable(folder, error) from error
    check_outside_bundles(folder)


def check_outside_bundles(folder: Path) -> None:
    """Tells whether files may be written to a folder: whatever is added to a sealed bundle breaks its seal.

    Args:
        folder: A folder that may not exist yet.

    Raises:
        InputError: If it is a sealed bundle, or lies in one.
    """
    try:
        place = folder.resolve()
        for bundle in (place, *place.parents):
            if all((bundle / name).is_file() for name in _SEALED):
                raise InputError(f"{folder} is in the sealed bundle {bundle}; choose a folder outside of it")
    except OSError as error:
        raise _unwritable(folder, error) from error
    except RuntimeError as error:  # links that go round in circles
        raise InputError(f"cannot write {folder}: {reason_of(error)}; choose another folder") from error


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
    """Returns the bytes of a file, or of all files below a folder."""
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
            raise InputError(f"cannot write {path}: it is a folder; expected the name of a file")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a pipe or a device; expected the name of a plain file")
        resolved = path.resolve()
        for given in inputs:
            if resolved.is_relative_to(given.resolve()) or (path.exists() and path.samefile(given)):
                raise InputError(f"cannot write {path} over {given}, which is read; choose another file")
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} cannot be the name of a file ({error}); choose another") from error
    check_writable(path.parent)


def _unwritable(path: Path, error: OSError) -> InputError:
    remedy = _REMEDIES.get(error.errno or 0, "choose a folder that you may write to")
    return InputError(f"cannot write {path}: {error.strerror or error}; {remedy}")
