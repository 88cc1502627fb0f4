"""The terminal and the three standard streams, whatever the caller has made of them.

A stream may be closed, full, or a pipe that nobody reads. A terminal has room for one live line, which says
what is being done and for how long, and leaves nothing behind; whoever prints anything else calls
`hide_live_line` first.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from rapsam.errors import InputError

_PER_SECOND = 8
_BAR_WIDTH = 20


class ReaderGoneError(KeyboardInterrupt):
    """Nobody reads the progress, as behind `2>&1 | head -1`: the work is given up as after Ctrl-C."""


def prepare_streams() -> None:
    """Makes the streams safe before any file is opened: to be called once, first of all.

    A closed descriptor would be taken by the next file that is opened, and a runtime that prints would print
    into that file. In its place comes the null device.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    # Python has no stream where the descriptor was closed at its start.
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold what the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")


def write_result(text: str) -> None:
    """Writes to standard output. That nobody reads it, as behind `| head -1`, changes nothing.

    Raises:
        InputError: If it cannot be written, as to a full disk; what is left of it is dropped.
    """
    _result(lambda: sys.stdout.write(text))


def flush_results() -> None:
    """Brings all results so far to their reader, if there still is one.

    Raises:
        InputError: If they cannot be written, as to a full disk; what is left of them is dropped.
    """
    _result(sys.stdout.flush)


def _result(write: Callable[[], object]) -> None:
    try:
        write()
    except BrokenPipeError:
        _send_nowhere(sys.stdout)
    except OSError as error:
        _send_nowhere(sys.stdout)
        reason = error.strerror or str(error)
        raise InputError(f"cannot write to standard output: {reason}; send it elsewhere") from error


def write_note(text: str) -> None:
    """Writes to standard error behind all results so far. That nobody reads it changes nothing."""
    flush_results()
    with suppress(OSError):
        _write_error(text)


def write_progress(text: str) -> None:
    """Writes to standard error in the middle of work.

    Raises:
        ReaderGoneError: If nobody reads it.
    """
    flush_results()
    try:
        _write_error(text)
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except OSError:  # a full disk, say, where the progress is kept: the work can do without
        return


def settle_streams() -> None:
    """Drops what cannot be written, since Python would try again at exit, and change the exit code.

    Raises:
        InputError: If results cannot be written, as to a full disk.
    """
    try:
        sys.stderr.flush()
    except OSError:
        _send_nowhere(sys.stderr)
    flush_results()


def _write_error(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _send_nowhere(stream: TextIO) -> None:
    """Python would write what is left in the buffer at exit, and complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


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
