"""Locks between processes, which end with the process that holds them, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapsam.errors import InputError

PATIENCE_S = 60.0
_PAUSE_S = 0.05


def try_lock(handle: int) -> bool:
    """Locks an open file or folder until it is closed; False if another process has it.

    Where there are no locks, as on some file systems of networks, every process is let in.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def wait_for_lock(handle: int, place: Path, patience_s: float = PATIENCE_S) -> None:
    """Locks an open file or folder until it is closed.

    Args:
        handle: What to lock.
        place: Its path, for the message.
        patience_s: Seconds to wait for another process.

    Raises:
        InputError: If another process still has it then.
    """
    until = time.monotonic() + patience_s
    while not try_lock(handle):
        if time.monotonic() > until:
            held = f"another process has kept {place} locked for {patience_s:.0f} s"
            raise InputError(f"{held}; end it, or choose another folder")
        time.sleep(_PAUSE_S)


def is_in_use(folder: Path) -> bool:
    """Tells whether another process holds the lock of a folder; True as well if it may not be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        return not try_lock(handle)
    finally:
        os.close(handle)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder that this process has made.

    Raises:
        InputError: If another process has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not try_lock(handle):
            raise InputError(f"another process has locked {folder}; choose another folder")
        yield
    finally:
        os.close(handle)


@contextmanager
def one_at_a_time(folder: Path, patience_s: float) -> Iterator[None]:
    """Holds the lock of a folder, which is made if need be, after whoever has it.

    Args:
        folder: Where one process works at a time.
        patience_s: Seconds to wait for others.

    Raises:
        InputError: If another process still has it then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait_for_lock(handle, folder, patience_s)
        yield
    finally:
        os.close(handle)
