"""What the command line prints: progress to standard error, results to standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 400


class StepLog:
    """Prints one line per step of long work, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, step: str) -> None:
        """Prints a step that now begins."""
        print(f"[{time.monotonic() - self._start:6.1f} s] {step}", file=sys.stderr, flush=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table to standard output, never cut: in a pipe each row stays on one line."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    print(title)
    terminal = Console()
    if terminal.is_terminal:
        terminal.print(table)
        return
    pipe = Console(width=_PIPE_WIDTH)
    with pipe.capture() as captured:
        pipe.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def megabytes(size_bytes: int) -> str:
    """Writes a size in MB (10^6 bytes)."""
    return f"{size_bytes / 1e6:.1f} MB"
