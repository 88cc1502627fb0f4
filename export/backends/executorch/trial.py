"""Trying in a copy of this process what may end a process without a word."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal
import sys
import time
from collections.abc import Callable

PATIENCE_S = 60.0
_PAUSE_S = 0.005


def fatal_signal(work: Callable[[], object], patience_s: float = PATIENCE_S) -> str | None:
    """Tries something in a fork, whose threads are not those of this process.

    Args:
        work: What to try. Nothing that it makes comes back, and no error that it raises.
        patience_s: Seconds after which no verdict is waited for.

    Returns:
        The name of the signal that ended the copy, as "SIGABRT"; None if it lived, if there was no verdict in
        time, and on systems whose libraries do not survive a fork.
    """
    if sys.platform != "linux":
        return None
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            # Its end is told by the caller, in one line.
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            work()
        os._exit(0)
    try:
        status = _status(child, patience_s)
    except BaseException:
        _end(child)
        raise
    if status is None:
        _end(child)
        return None
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None


def _status(child: int, patience_s: float) -> int | None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(_PAUSE_S)
    return None


def _end(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
