"""The progress bar of a training run: steps, time left, and the loss."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class TrainProgress:
    """A bar in a terminal, a line now and then in a pipe.

    Args:
        shown: False in all processes but the first.
    """

    def __init__(self, *, shown: bool) -> None:
        terminal = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=terminal,
            disable=not shown or not terminal.is_terminal,
        )
        self._in_pipe = shown and not terminal.is_terminal
        self._task = self._bar.add_task("loading", total=None)

    def __enter__(self) -> Self:
        """Starts the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the bar."""
        self._bar.stop()

    def __call__(self, step: int, total: int, text: str) -> None:
        """Shows how far the run is."""
        self._bar.update(self._task, completed=step, total=total, description=text)
        if self._in_pipe:
            print(f"step {step} of {total}: {text}", file=sys.stderr, flush=True)
