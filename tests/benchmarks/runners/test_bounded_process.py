from __future__ import annotations

import sys

import pytest

from rapsam.benchmarks.runners.bounded_process import (
    Finished,
    HungError,
    TalksTooMuchError,
    run_bounded,
)


def python(program: str, timeout_s: float = 30.0, limit: int = 1000) -> Finished:
    return run_bounded([sys.executable, "-c", program], timeout_s, limit)


def test_code_and_both_outputs_are_returned():
    done = python("import sys; print('out'); sys.stderr.write('x' * 20000 + 'end'); sys.exit(3)")
    assert (done.code, done.output) == (3, b"out\n")
    assert done.errors.endswith("end")
    assert len(done.errors) == 1 << 14


def test_a_server_that_it_leaves_behind_is_not_waited_for():
    started = "import subprocess; subprocess.Popen(['sleep', '20']); print('ready', flush=True)"
    assert python(started).output == b"ready\n"


@pytest.mark.parametrize(
    ("program", "error", "says"),
    [
        ("import time; time.sleep(60)", HungError, r"no answer in 0\.3 s"),
        ("import os, time; os.close(1); time.sleep(60)", HungError, "closed its output, but did not end"),
        ("while True: print('x' * 100)", TalksTooMuchError, "more than 1,000 bytes"),
    ],
)
def test_what_never_ends_is_ended(program, error, says):
    with pytest.raises(error, match=says):
        python(program, timeout_s=60.0 if error is TalksTooMuchError else 0.3)


def test_a_program_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        run_bounded([str(tmp_path / "none")], 1.0, 10)
