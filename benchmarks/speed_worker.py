"""The process of one contender: prepares a pass, then times it whenever a line comes in.

    python -m rapsam.benchmarks.speed_worker JOB

It answers in lines of JSON: `Ready` once, `Visited` to each line, `Finished` at the end of the input.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

import msgspec

from rapsam.benchmarks.apart import peak_rss_mb
from rapsam.benchmarks.interleave import seconds_per_pass
from rapsam.benchmarks.speed_passes import Job, Pass, make_pass
from rapsam.errors import reason_of

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
