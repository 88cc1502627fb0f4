"""One live line on a terminal: what is being done, and for how long. It leaves nothing behind.

The terminal has room for one such line. Whoever prints anything else calls `hide_live_line` first.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_PER_SECOND = 8
_BAR_WIDTH = 20


def live_line_works() -> bool:
    """Returns whether standard error is a terminal that can redraw a line."""
    terminal = Console(stderr=True)
    return sys.stderr.isatty() and terminal.is_terminal and not terminal.is_dumb_terminal


def hide_live_line() -> None:
    """Takes the live line off the terminal and gives the cursor back; does nothing if there is none."""
    if LiveLine.visible is not None:
        LiveLine.visible.hide()


class LiveLine:
    """Draws spinner, elapsed time and step on the terminal behind standard error.

    Attributes:
        visible: The line that is on the terminal now, of all.
    """

    visible: LiveLine | None = None

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._step = ""
        self._share: float | None = None
        self._first: tuple[float, float] | None = None
        self._live: Live | None = None
        self._terminal: TextIO | None = None
        name = "dots" if "utf" in (sys.stderr.encoding or "").lower() else "line"
        self._spinner = Spinner(name)

    def show(self, step: str, share: float | None = None) -> None:
        """Draws a step, in place of what the line said before.

        Args:
            step: Printable text; what does not fit into the width of the terminal is cut.
            share: How much of the work is done, 0 to 1, for a bar and the time that is left.
        """
        self._step, self._share = step, share
        if share is not None and self._first is None:
            self._first = (time.monotonic(), share)
        if LiveLine.visible is not self:
            hide_live_line()
            self._start()

    def hide(self) -> None:
        """Takes the line off the terminal until the next `show`."""
        LiveLine.visible = None
        live, self._live = self._live, None
        terminal, self._terminal = self._terminal, None
        if live is not None:
            live.stop()
        if terminal is not None:
            terminal.close()

    def _start(self) -> None:
        LiveLine.visible = self
        # A descriptor of its own: while a converter works, the usual one is kept silent.
        self._terminal = os.fdopen(
            os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="replace"
        )
        self._live = Live(
            get_renderable=self._render,
            console=Console(file=self._terminal, force_terminal=True),
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def _render(self) -> Table:
        now = time.monotonic()
        line = Table.grid(padding=(0, 1))
        cells: list[Text | ProgressBar] = [self._frame(now), _cell(_clock(now - self._begin))]
        if self._share is not None:
            cells.append(ProgressBar(total=1.0, completed=self._share, width=_BAR_WIDTH))
        # The step is the only column that gives way where the terminal is narrow.
        cells.append(Text(self._step, no_wrap=True, overflow="ellipsis"))
        for place in range(len(cells)):
            line.add_column(no_wrap=place < len(cells) - 1)
        left = self._left(now)
        if left:
            line.add_column(no_wrap=True)
            cells.append(_cell(left))
        line.add_row(*cells)
        return line

    def _frame(self, now: float) -> Text:
        frame = self._spinner.render(now)
        return frame if isinstance(frame, Text) else Text()

    def _left(self, now: float) -> str:
        """Estimates the time that is left from the pace since the first share."""
        if self._share is None or self._first is None:
            return ""
        begin, first = self._first
        gained = self._share - first
        if gained <= 0 or self._share >= 1:
            return ""
        return f"{_clock((now - begin) * (1 - self._share) / gained)} left"


def _cell(text: str) -> Text:
    return Text(text, no_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
