"""The process of one variant, as it runs.

    python -m rapsam.benchmarks.runners.worker JOB

It loads and warms, then does what every line of its input says, and answers each in a line of JSON.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

import msgspec

from rapsam.benchmarks.latency.job import FINISH, SUSTAINED, Answer, Job
from rapsam.benchmarks.latency.measurement import Measurement
from rapsam.errors import RapSamError, reason_of


def main() -> None:
    """Serves the job on the command line."""
    job = msgspec.json.decode(sys.argv[1], type=Job)
    if job.cpus is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job.cpus)
    # Runtimes print to standard output as they like: the answers get a way of their own.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        serve(lambda: Measurement(job), sys.stdin, answers)


def serve(prepare: Callable[[], Measurement], commands: Iterable[str], answers: TextIO) -> None:
    """Prepares a measurement and does what the commands say; an error is the last answer.

    Args:
        prepare: Makes it.
        commands: Lines: "burst", "sustained" or "finish".
        answers: Where the answers go.
    """
    try:
        measurement = prepare()
        _say(answers, Answer())
        for command in commands:
            if command.strip() == FINISH:
                _say(answers, Answer(measured=measurement.report()))
                return
            visit = measurement.sustained if command.strip() == SUSTAINED else measurement.burst
            visit()
            _say(answers, Answer())
    except RapSamError as error:
        _say(answers, Answer(failed=str(error)))
    except Exception as error:  # runtimes raise whatever they like
        _say(answers, Answer(failed=reason_of(error)))


def _say(answers: TextIO, answer: Answer) -> None:
    answers.write(msgspec.json.encode(answer).decode() + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
