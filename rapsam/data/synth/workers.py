"""Processes that share the work of a long list, and end when they are no longer wanted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self, TypeVar

from rapsam.errors import InputError

_Result = TypeVar("_Result")
_CHUNK = 4
MAX_WORKERS = 256


class Workers:
    """A context in which jobs run in other processes, or in this one if one worker is enough."""

    def __init__(self, count: int) -> None:
        """Prepares the processes.

        Raises:
            InputError: If the count is below 1 or above `MAX_WORKERS`.
        """
        if count < 1:
            raise InputError(f"{count} workers; expected 1 or more")
        if count > MAX_WORKERS:
            raise InputError(f"{count} workers; expected at most {MAX_WORKERS}, each takes a core")
        # Started anew, not forked: a fork copies threads' locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, context, _live_with_parent) if count > 1 else None

    def each(self, job: Callable[[int], _Result], count: int) -> Iterator[_Result]:
        """Runs job(0), job(1), .. and gives the results in this order.

        Raises:
            InputError: If the system killed a worker.
        """
        if self._pool is None:
            yield from map(job, range(count))
            return
        try:
            yield from self._pool.map(job, range(count), chunksize=_CHUNK)
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was killed, most likely for want of memory; expected all of them to live: "
                "take fewer workers or a smaller size"
            ) from error

    def __enter__(self) -> Self:
        """Returns the workers themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the processes as soon as they have finished what they are doing."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _live_with_parent() -> None:
    """Leaves Ctrl-C to the parent, and ends with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
