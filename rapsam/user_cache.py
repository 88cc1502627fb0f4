"""Where what can be made again is kept for a user."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from rapsam.errors import UnavailableError

_FOLDER_VARIABLE = "XDG_CACHE_HOME"
_REMEDY = "set HOME or XDG_CACHE_HOME to a folder of your own"


def user_cache() -> Path:
    """Returns the folder of a user's caches: `XDG_CACHE_HOME`, or `.cache` in the home folder.

    A user without a home, as in a container that runs under a number, has one among the temporary files,
    where other users could have made it first: it must be the user's own, and writable by nobody else.

    Raises:
        UnavailableError: If it is not; nothing is read from it then.
    """
    chosen = os.environ.get(_FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry among the users
        folder = Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise UnavailableError(f"no home, and {folder}: {error.strerror}; {_REMEDY}") from error
    others_may_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or others_may_write:
        raise UnavailableError(f"no home, and {folder} is not a folder that is yours alone; {_REMEDY}")
    return folder
