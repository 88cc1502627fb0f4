"""Running a program that may never end, and may never stop talking."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import IO, NamedTuple

from rapsam.errors import UnavailableError

_CHUNK = 1 << 16
_ERRORS_BYTES = 1 << 14
# Of one that has ended: what it started may hold its output open for ever, as adb's server does.
_LINGER_S = 0.3


class Finished(NamedTuple):
    """A program that has ended by itself.

    Attributes:
        code: Exit code; negative for a signal.
        output: Standard output, whole.
        errors: Standard error, its last 16 KiB.
    """

    code: int
    output: bytes
    errors: str


class HungError(UnavailableError):
    """A program that did not end in time."""


class TalksTooMuchError(UnavailableError):
    """A program that said more than it may."""


def run_bounded(command: Sequence[str], timeout_s: float, limit: int) -> Finished:
    """Runs a program without input.

    Args:
        command: What to run.
        timeout_s: Seconds after which it is ended.
        limit: Bytes of standard output after which it is ended.

    Raises:
        HungError: If it did not end in time.
        TalksTooMuchError: If it said more than `limit` bytes.
        OSError: If it cannot be started.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, bufsize=0
        )
        try:
            output = _read(process, time.monotonic() + timeout_s, timeout_s, limit)
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        return Finished(code, output, _tail(errors))


def _read(process: subprocess.Popen[bytes], deadline: float, timeout_s: float, limit: int) -> bytes:
    assert process.stdout is not None
    parts, size = list[bytes](), 0
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise HungError(f"no answer in {timeout_s:g} s")
            if not ready.select(min(left, _LINGER_S)):
                if process.poll() is not None:
                    return b"".join(parts)
                continue
            chunk = os.read(process.stdout.fileno(), _CHUNK)
            if not chunk:
                _wait(process, deadline)
                return b"".join(parts)
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                raise TalksTooMuchError(f"it said more than {limit:,} bytes")


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    """Waits for one that has closed its output."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise HungError("it closed its output, but did not end") from error


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _ERRORS_BYTES))
    return errors.read().decode(errors="replace")
