"""One display for the progress of a whole export: a bar in a terminal, lines anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from rapsam.cli.console import StepLog


class ExportDisplay(NamedTuple):
    """What an export reports to.

    Attributes:
        note: Says something that shall stay to be read.
        step: Says what begins now.
        bundle_done: Says that one more bundle is finished, or has failed.
    """

    note: Callable[[str], None]
    step: Callable[[str], None]
    bundle_done: Callable[[], None]


@contextmanager
def export_display(bundles: int) -> Iterator[ExportDisplay]:
    """Shows on standard error how far the export of so many bundles is."""
    if not sys.stderr.isatty():
        log = StepLog()
        yield ExportDisplay(note=log, step=log, bundle_done=lambda: None)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("bundles"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    # A descriptor of its own: while a converter works, the usual one is kept silent.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w") as terminal:
        console = Console(file=terminal, force_terminal=True)
        with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as bar:
            task = bar.add_task("", total=bundles)
            yield ExportDisplay(
                note=lambda line: console.print(Text(line)),
                step=lambda line: bar.update(task, description=line),
                bundle_done=lambda: bar.advance(task),
            )
