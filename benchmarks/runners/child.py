"""A process that measures, seen from the one that waits for it: that it hangs or crashes is a result too."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from rapsam.benchmarks.latency.job import Answer
from rapsam.errors import JSON_ERRORS, UnavailableError, printable, shortened

MAX_LINE_BYTES = 1 << 29
"""All samples of all stages take a fraction of that."""
_CHUNK = 1 << 16
_TAIL_BYTES = 4000
_LAST_WORDS = 300
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ChildProcess:
    """A process that answers every line with a line.

    Args:
        command: What to start.
        threads: Limit for libraries that read it from the environment; None leaves it as it is.
    """

    def __init__(self, command: Sequence[str], threads: int | None) -> None:
        limits = {} if threads is None else dict.fromkeys(_THREAD_LIMITS, str(threads))
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._buffer = b""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, **limits},
            bufsize=0,
            start_new_session=True,  # what it starts ends with it
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def ask(self, command: str, patience_s: float) -> Answer:
        """Sends a line and waits for the answer; see `answer`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{command}\n".encode())
        except BrokenPipeError as error:
            raise UnavailableError(self._death()) from error
        return self.answer(patience_s)

    def answer(self, patience_s: float) -> Answer:
        """Waits for an answer.

        Args:
            patience_s: Seconds after which the process counts as hung, and is ended.

        Raises:
            UnavailableError: With the reason: it hangs, crashed, says nonsense, or says itself why it failed.
        """
        line = self._line(time.monotonic() + patience_s, patience_s)
        try:
            answer = msgspec.json.decode(line, type=Answer)
        except JSON_ERRORS as error:
            self.end()
            shown = shortened(printable(line[:_LAST_WORDS].decode(errors="replace")), _LAST_WORDS)
            raise UnavailableError(f"its process answered {shown!r}, which is no answer") from error
        if answer.failed is not None:
            raise UnavailableError(answer.failed)
        return answer

    def end(self) -> None:
        """Ends the process and all that it started."""
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            if stream is not None:
                stream.close()

    def _line(self, deadline: float, patience_s: float) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            parts, size = [self._buffer], len(self._buffer)
            while b"\n" not in parts[-1]:
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    self.end()
                    raise UnavailableError(f"its process hung: no answer in {patience_s:g} s")
                chunk = os.read(self._process.stdout.fileno(), _CHUNK)
                if not chunk:
                    raise UnavailableError(self._death())
                parts.append(chunk)
                size += len(chunk)
                if size > MAX_LINE_BYTES:
                    self.end()
                    raise UnavailableError(f"its process answered more than {MAX_LINE_BYTES:,} bytes")
        line, _, self._buffer = b"".join(parts).partition(b"\n")
        return line

    def _death(self) -> str:
        code = self._process.wait()
        what = f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
        words = self._last_words()
        return f"its process {what}{': ' * bool(words)}{words}"

    def _last_words(self) -> str:
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - _TAIL_BYTES))
        lines = [
            line.strip() for line in self._said.read().decode(errors="replace").splitlines() if line.strip()
        ]
        return shortened(printable(lines[-1]), _LAST_WORDS) if lines else ""
