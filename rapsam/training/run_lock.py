"""One process at a time works on a run: the lock ends with the process, however that ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rapsam.errors import InputError

LOCK_NAME = ".lock"


@contextmanager
def locked_run(run: Path) -> Iterator[None]:
    """Holds the lock of a run's folder, which is made if it is missing.

    The lock is the process's own: loading processes, which may outlive a killed trainer for seconds, do not
    inherit it.

    Raises:
        InputError: If another process holds it, or the folder cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = (run / LOCK_NAME).open("ab")
    except OSError as error:
        raise InputError(f"cannot write {run}: {error.strerror}; choose a folder of your own") from error
    with file:
        _lock(run, file)
        yield


def _lock(run: Path, file: IO[bytes]) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise InputError(
            f"another process is training {run}; wait for its end, or stop it first: it saves its state"
        ) from error
    except OSError as error:
        raise InputError(
            f"{run} cannot be locked: {error.strerror}; choose a folder on a file system with locks"
        ) from error
