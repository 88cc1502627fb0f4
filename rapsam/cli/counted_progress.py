"""The progress of work of known length: a bar in a terminal, lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rapsam.cli.console import StepLog


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
    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield _lines(things)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(things),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal, redirect_stdout=False) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, description=note)

        yield advance


def _lines(things: str) -> Report:
    log = StepLog()

    def advance(done: int, total: int, note: str = "") -> None:
        line = f"{done} of {total} {things}{', ' * bool(note)}{note}"
        if done in (0, total):
            log(line)
        else:
            log.still(line)

    return advance
