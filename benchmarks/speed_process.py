"""The other end of `speed_worker`: starts a contender's process, visits it, ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from rapsam.benchmarks.speed_passes import Job
from rapsam.benchmarks.speed_worker import Finished, Ready, Visited
from rapsam.errors import UnavailableError

Answer = TypeVar("Answer", bound=msgspec.Struct)


def worker_command(job: Job) -> list[str]:
    """Gives the command line of a contender's process."""
    return [sys.executable, "-m", "rapsam.benchmarks.speed_worker", msgspec.json.encode(job).decode()]


class ContenderProcess:
    """A contender that waits in a process of its own, and sleeps while others run.

    Args:
        command: What to start; see `worker_command`.
        threads: Limit for libraries that read it from the environment.

    Raises:
        UnavailableError: With the reason why the contender cannot run.
    """

    def __init__(self, command: Sequence[str], threads: int) -> None:
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **limits}
        )
        try:
            self.facts = self._read(Ready)
            if self.facts.not_run is not None:
                raise UnavailableError(self.facts.not_run)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def visit(self) -> float:
        """Gives the seconds of a pass.

        Raises:
            UnavailableError: If the pass failed or the process died.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("visit\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise UnavailableError(self._death()) from error
        visited = self._read(Visited)
        if visited.failed is not None:
            raise UnavailableError(visited.failed)
        return visited.seconds

    def finish(self) -> int:
        """Lets the process end, and gives the largest resident memory that it had, MiB.

        Raises:
            UnavailableError: If the process died.
        """
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._read(Finished).peak_rss_mb

    def _read(self, kind: type[Answer]) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise UnavailableError(self._death())
        return msgspec.json.decode(line, type=kind)

    def _death(self) -> str:
        return f"its process ended with exit code {self._process.wait()}"

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
