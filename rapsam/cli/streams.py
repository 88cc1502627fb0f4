"""The three standard streams, whatever the caller has made of them: closed, full, or a pipe nobody reads."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from rapsam.errors import InputError


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
