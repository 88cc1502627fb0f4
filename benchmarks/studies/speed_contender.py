"""The process of one contender, both ends of it.

    python -m rapsam.benchmarks.studies.speed_contender JOB

It prepares a pass, then times it whenever a line comes in. It answers in lines of JSON: `Ready` once,
`Visited` to each line, `Finished` at the end of the input. `ContenderProcess` starts, visits and ends it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TextIO, TypeVar

import msgspec

from rapsam.benchmarks.measuring.timing import peak_rss_mb, seconds_per_pass
from rapsam.benchmarks.studies.speed_passes import Job, Pass, make_pass
from rapsam.errors import UnavailableError, reason_of

Answer = TypeVar("Answer", bound=msgspec.Struct)
_AT_LEAST_S = 0.2


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to the start: either the reason why the contender cannot run, or facts about its pass."""

    not_run: str | None = None
    macs: int | None = None
    note: str = ""


class Visited(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a visit: seconds of a pass, or the reason why it failed."""

    seconds: float = 0.0
    failed: str | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to the end of the input."""

    peak_rss_mb: int


def worker_command(job: Job) -> list[str]:
    """Returns the command line of a contender's process."""
    module = "rapsam.benchmarks.studies.speed_contender"
    return [sys.executable, "-m", module, msgspec.json.encode(job).decode()]


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
        """Returns the seconds of a pass.

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
        """Lets the process end, and returns the largest resident memory that it had, MiB.

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


def main() -> None:
    """Serves the job on the command line."""
    job = msgspec.json.decode(sys.argv[1], type=Job)
    # Runtimes print to standard output as they like: the answers get a way of their own.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        serve(lambda: make_pass(job), sys.stdin, answers)


def serve(prepare: Callable[[], Pass], visits: TextIO, answers: TextIO) -> None:
    """Prepares a pass, runs it once, and times it for every line of `visits`."""
    try:
        made = prepare()
        made.run()
    except Exception as error:  # compilers and runtimes raise whatever they like
        _answer(answers, Ready(not_run=reason_of(error)))
        return
    _answer(answers, Ready(macs=made.macs, note=made.note))
    for _ in visits:
        try:
            _answer(answers, Visited(seconds=seconds_per_pass(made.run, _AT_LEAST_S)))
        except Exception as error:  # as above
            _answer(answers, Visited(failed=reason_of(error)))
    _answer(answers, Finished(peak_rss_mb=peak_rss_mb()))


def _answer(answers: TextIO, answer: msgspec.Struct) -> None:
    answers.write(msgspec.json.encode(answer).decode() + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
