"""Running the command line inside the test process, and what every refusal must look like."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from typing import NamedTuple

from rapsam.cli.main import main

PROGRESS = re.compile(r"\[ *\d+\.\d s\] \S.*")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def rapsam(*arguments: object) -> Outcome:
    """Runs a verb in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    return Outcome(code, out.getvalue(), err.getvalue())


def command(*arguments: object) -> list[str]:
    """Returns the command line of a real process."""
    start = "import sys; from rapsam.cli.main import main; main(sys.argv[1:])"
    return [sys.executable, "-c", start, *map(str, arguments)]


def process(*arguments: object, seconds: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a verb in a process of its own, for so many seconds at most."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env={**os.environ, **environment},
        timeout=seconds,
        check=False,
    )


def assert_refused(outcome: Outcome, *says: object) -> None:
    """Exit code 2, nothing on standard output, and one line of error that says all of this."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    *progress, error = outcome.err.splitlines()
    assert error.startswith("error: "), outcome.err
    assert all(PROGRESS.fullmatch(line) for line in progress), outcome.err
    for words in says:
        assert str(words) in error
