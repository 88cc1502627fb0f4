"""The progress of work of known length: a bar on the live line of a terminal, lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rapsam.cli.console import StepLog
from rapsam.cli.live_line import hide_live_line


class Report(Protocol):
    """Told how many things are done, of how many, and what else there is to say."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Shows it."""
        ...


@contextmanager
def counted_progress(things: str) -> Iterator[Report]:
    """Shows on standard error how many of so many things are done.

    Yields:
        A function to call after each of them, or now and then.
    """
    log = StepLog()

    def advance(done: int, total: int, note: str = "") -> None:
        line = f"{done} of {total} {things}{', ' * bool(note)}{note}"
        tell = log if done in (0, total) else log.still
        tell(line, done / total if total else None)

    try:
        yield advance
    finally:
        hide_live_line()
