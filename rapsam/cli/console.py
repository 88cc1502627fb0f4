"""The one place that prints: progress to standard error, results to standard output.

Every line is escaped and shortened here, since file names, class names and messages of runtimes come from
anywhere. Nothing else in the package prints.
"""

from __future__ import annotations

import io
import json
import math
import shlex
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rapsam.cli.terminal import (
    LiveLine,
    hide_live_line,
    live_line_works,
    write_note,
    write_progress,
    write_result,
)
from rapsam.errors import printable, shortened

_PIPE_WIDTH = 400
_SILENCE_S = 3.0
_SILENCE_SHARE, _LONGEST_SILENCE_S = 0.25, 60.0
_WIDE_GAP, _NARROW_GAP = 2, 1
_WHOLE = 20
"""Longer texts may be wrapped, names such as "coreml-fp16-ios17" not."""
_WRAPPED = 12
_INDENT = 2
"""Of lines that go on, more than the first has."""


def show(*lines: str) -> None:
    """Prints result lines to standard output."""
    hide_live_line()
    for line in lines:
        write_result(f"{shortened(printable(line))}\n")


def show_text(*lines: str) -> None:
    """Prints prose to standard output: in a terminal wrapped between words, in a pipe each line whole."""
    terminal = Console()
    if not terminal.is_terminal:
        show(*lines)
        return
    for line in lines:
        text = shortened(printable(line))
        indent = " " * (len(text) - len(text.lstrip()) + _INDENT)
        show(*_between_words(text, terminal.width, indent) or [""])


def _between_words(text: str, width: int, indent: str) -> list[str]:
    """Wraps a text; names, addresses and paths stay whole, so that they can be copied."""
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def show_json(content: object) -> None:
    """Prints a record as JSON for any tool: all but ASCII is escaped, NaN and infinity are null."""
    hide_live_line()
    write_result(f"{json.dumps(_finite(msgspec.to_builtins(content)), indent=2)}\n")


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(*lines: str) -> None:
    """Prints lines for a person to standard error, behind all results so far."""
    hide_live_line()
    for line in lines:
        write_note(f"{shortened(printable(line))}\n")


class StepLog:
    """Says what long work is doing.

    On a terminal: one live line with the elapsed time. Anywhere else: lines with the seconds since the start.
    """

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._phase = ""
        self._line = LiveLine() if live_line_works() else None

    def __call__(self, step: str, share: float | None = None) -> None:
        """Says what begins now; see `write_progress`.

        Args:
            step: What it is.
            share: How much of the whole work is done, 0 to 1, if that is known.
        """
        self._last = time.monotonic()
        if self._line is None:
            line = f"[{self._last - self._start:6.1f} s] {step}"
            write_progress(f"{shortened(printable(line))}\n")
        else:
            self._line.show(shortened(printable(step)), share)

    def still(self, step: str, share: float | None = None) -> None:
        """Says how far the work is; away from a terminal only if nothing was said for a while.

        That is 3 s, later a quarter of the time so far, at most a minute: long logs stay readable.
        """
        now = time.monotonic()
        silence = min(max(_SILENCE_S, (now - self._start) * _SILENCE_SHARE), _LONGEST_SILENCE_S)
        if self._line is not None or now - self._last >= silence:
            self(step, share)

    def detail(self, step: str) -> None:
        """Says what begins now, as in "encoder: capturing"; a phase has one line, its details are `still`."""
        phase = step.partition(":")[0]
        if phase == self._phase:
            self.still(step)
        else:
            self._phase = phase
            self(step)

    def note(self, line: str) -> None:
        """Says something that stays on the terminal."""
        self._phase = ""
        if self._line is None:
            self(line)
        else:
            say(line)


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


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table to standard output, never cut: in a pipe each row stays on one line.

    The title may have several lines. In a terminal only long texts are wrapped; where even that is too
    wide, the terminal wraps the lines.
    """
    show(*title.split("\n"))
    if not rows:
        show("none")
        return
    rows = [[printable(cell) for cell in row] for row in rows]
    terminal = Console()
    width = terminal.width if terminal.is_terminal else _PIPE_WIDTH
    gap = _WIDE_GAP
    if _narrowest(columns, rows, gap) > width:
        columns, gap = [column.replace(" ", "\n") for column in columns], _NARROW_GAP
    # Rich would end the process where nobody reads standard output any more.
    printed = io.StringIO()
    width = max(width, _narrowest(columns, rows, gap))
    Console(file=printed, width=width, force_terminal=terminal.is_terminal).print(_table(columns, rows, gap))
    for line in printed.getvalue().splitlines():
        write_result(f"{line.rstrip()}\n")  # escaped above


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, no_wrap=_longest(rows, place) <= _WHOLE, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _narrowest(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: int) -> int:
    """Returns the width at which names and numbers stay whole and long texts are still readable."""
    widths = [max(map(len, column.splitlines())) for column in columns]
    for place, width in enumerate(widths):
        longest = _longest(rows, place)
        widths[place] = max(width, longest if longest <= _WHOLE else _WRAPPED)
    return sum(widths) + gap * (len(widths) - 1)


def _longest(rows: Sequence[Sequence[str]], place: int) -> int:
    return max((len(row[place]) for row in rows), default=0)


def readable_size(size_bytes: int) -> str:
    """Returns a size in MB (10^6 bytes), a small one in kB."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"


def command_line(*words: str | Path) -> str:
    """Returns a command of this tool, quoted for a shell."""
    return f"rapsam {shlex.join(map(str, words))}"


def next_step(*words: str | Path) -> str:
    """Returns a line with the command that comes next."""
    return f"next: {command_line(*words)}"
