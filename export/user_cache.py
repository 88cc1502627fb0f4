"""Where what can be made again is kept for a user."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_FOLDER_VARIABLE = "XDG_CACHE_HOME"


def user_cache() -> Path:
    """Gives the folder of a user's caches: `XDG_CACHE_HOME`, or `.cache` in the home folder.

    A user without a home, as in a container that runs under a number, has one among the temporary files.
    """
    chosen = os.environ.get(_FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry among the users
        return Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
