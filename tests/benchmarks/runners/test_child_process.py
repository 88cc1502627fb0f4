"""Whatever a process does, one line says what it was."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from rapsam.benchmarks.latency.job import Answer
from rapsam.benchmarks.runners.child import ChildProcess
from rapsam.errors import UnavailableError

ANSWER = 'print("{}", flush=True)'


def child(program: str, threads: int | None = None) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", program], threads)


def ended(program: str, patience_s: float = 20.0) -> str:
    with child(program) as process, pytest.raises(UnavailableError) as error:
        process.answer(patience_s)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_answers_come_line_by_line():
    program = f"import sys; {ANSWER}\nfor line in sys.stdin: {ANSWER}"
    with child(program) as process:
        assert process.answer(20) == Answer()
        assert process.ask("burst", 20) == Answer()
        assert process.ask("burst", 20) == Answer()


def test_two_answers_at_once_are_both_read():
    with child(r'print("{}\n{}", flush=True); input()') as process:
        assert [process.answer(20), process.answer(20)] == [Answer(), Answer()]


def test_a_large_answer_is_read_whole():
    assert len(ended("""print('{"failed":"' + "x" * 1_000_000 + '"}', flush=True)""")) == 1_000_000


def test_an_answer_without_an_end_is_cut_off(monkeypatch):
    monkeypatch.setattr("rapsam.benchmarks.runners.child.MAX_LINE_BYTES", 1000)
    assert "answered more than 1,000 bytes" in ended("while True: print('x' * 1000, end='')")


def test_a_hung_process_is_ended_with_what_it_started():
    start = time.monotonic()
    program = (
        "import subprocess, sys, time; made = subprocess.Popen(['sleep', '60']);"
        "print('{\"failed\":\"' + str(made.pid) + '\"}', flush=True); time.sleep(60)"
    )
    with child(program) as process:
        with pytest.raises(UnavailableError) as error:
            process.answer(20)
        started = int(str(error.value))
        with pytest.raises(UnavailableError, match=r"hung: no answer in 0\.2 s"):
            process.answer(0.2)
    while is_running(started):  # the signal has been sent
        assert time.monotonic() - start < 30
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("raise SystemExit(3)", "ended with exit code 3"),
        ("raise ValueError('the reason')", "ended with exit code 1: ValueError: the reason"),
        ("print('hello')", "answered 'hello', which is no answer"),
        ("print('{\"failed\": 3}')", "which is no answer"),
        ("print('\\x1b[31m' + 'x' * 5000)", "which is no answer"),
        ('print(\'{"failed":"no such graph"}\')', "no such graph"),
        ("import sys; sys.stderr.write('a\\x1b[31m\\n\\n'); sys.exit(1)", r"exit code 1: a\x1b[31m"),
    ],
)
def test_an_end_is_told_in_one_line(program, says):
    assert says in ended(program)


def test_a_process_that_ends_between_two_questions_is_told():
    with child(ANSWER) as process:
        process.answer(20)
        process._process.wait()
        with pytest.raises(UnavailableError, match="ended with exit code 0"):
            process.ask("burst", 20)


def test_libraries_are_told_the_number_of_threads():
    program = """import os; print('{"failed":"' + os.environ["OMP_NUM_THREADS"] + '"}')"""
    with child(program, threads=7) as process, pytest.raises(UnavailableError, match=r"^7$"):
        process.answer(20)
    with child(program) as process, pytest.raises(UnavailableError, match=os.environ["OMP_NUM_THREADS"]):
        process.answer(20)
