"""The progress of work of known length: a bar in a terminal, lines anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rapsam.cli.console import StepLog


@contextmanager
def counted_progress(things: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows on standard error how many of so many things are done.

    Yields:
        A function to call after each.
    """
    if sys.stderr.isatty():
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn(things), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)
        return
    log = StepLog()
    log(f"0 of {total} {things}")
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        log.still(f"{done} of {total} {things}")

    yield advance
    log(f"{total} of {total} {things}")
