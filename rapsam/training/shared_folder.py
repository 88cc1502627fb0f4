"""Whether all processes of a run see one folder, as they must on several machines."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path

from lightning_fabric import Fabric

from rapsam.errors import InputError
from rapsam.files import write_atomic
from rapsam.training.engine import any_process, on_first_process

PATIENCE_S = 10.0
"""Shared folders may show what another machine wrote some seconds later."""
_LOOK_EVERY_S = 0.2


def check_shared(fabric: Fabric, folder: Path, advice: str) -> None:
    """Tells whether every process sees what the first one writes to a folder; each must call this.

    Args:
        fabric: Launched.
        folder: Of the first process there is at least the folder.
        advice: What to do if it is not shared.

    Raises:
        InputError: In all processes, if one sees another folder, or the first one cannot write.
    """
    if fabric.world_size == 1:
        return
    mark = folder / f".shared-{fabric.broadcast(secrets.token_hex(8))}"
    on_first_process(fabric, lambda: write_atomic(mark, b""))
    try:
        if any_process(fabric, not _appears(mark)):
            raise InputError(
                f"{folder} is another folder for some processes: they do not see what the first one wrote "
                f"there; {advice}"
            )
    finally:
        if fabric.is_global_zero:
            with suppress(OSError):
                mark.unlink()


def _appears(path: Path) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not _exists(path):
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def _exists(path: Path) -> bool:
    """Tells whether a path is seen; a process that raised here would leave the others waiting."""
    try:
        return path.exists()
    except OSError:
        return False
