"""Both ends of a contender's process."""

from __future__ import annotations

import io
import subprocess
import sys

import msgspec
import pytest

from rapsam.benchmarks.studies.speed_contender import (
    ContenderProcess,
    Finished,
    Ready,
    Visited,
    serve,
    worker_command,
)
from rapsam.benchmarks.studies.speed_passes import Job, Pass
from rapsam.benchmarks.studies.speed_records import Subject
from rapsam.errors import UnavailableError


def job(contender):
    return Job(
        subject=Subject(contender=contender), model="rapsam_nano", size=(64, 64), threads=1, folder="nowhere"
    )


def answers_of(prepare, visits):
    stream = io.StringIO()
    serve(prepare, io.StringIO("visit\n" * visits), stream)
    return stream.getvalue().splitlines()


def test_worker_answers_every_visit():
    lines = answers_of(lambda: Pass(lambda: None, macs=7, note="empty"), 2)
    assert msgspec.json.decode(lines[0], type=Ready) == Ready(macs=7, note="empty")
    assert all(msgspec.json.decode(line, type=Visited).seconds > 0 for line in lines[1:3])
    assert msgspec.json.decode(lines[3], type=Finished).peak_rss_mb > 0


def test_worker_says_why_it_cannot_run():
    def refuse():
        raise RuntimeError("no C++ compiler\nlong story")

    for prepare in (refuse, lambda: Pass(refuse)):
        (line,) = answers_of(prepare, 2)
        assert msgspec.json.decode(line, type=Ready).not_run == "RuntimeError: no C++ compiler"


def test_worker_says_why_a_visit_failed():
    calls = iter([None, ValueError("late")])

    def run():
        error = next(calls, ValueError("later"))
        if error:
            raise error

    lines = answers_of(lambda: Pass(run), 1)
    assert msgspec.json.decode(lines[1], type=Visited).failed == "ValueError: late"


def test_a_real_process_is_visited_and_ended():
    with ContenderProcess(worker_command(job("fuse_crowd")), threads=1) as process:
        assert process.facts.note.startswith("20 queries above the threshold, ")
        assert process.visit() > 0
        assert process.finish() > 0


def test_a_contender_that_cannot_start_gives_its_reason():
    with pytest.raises(UnavailableError, match="FileNotFoundError"):
        ContenderProcess(worker_command(job("onnx")), threads=1)


def test_a_process_that_dies_is_told_by_its_exit_code():
    ready = msgspec.json.encode(Ready()).decode()
    dying = [sys.executable, "-c", f"print({ready!r}, flush=True); input(); raise SystemExit(7)"]
    with ContenderProcess(dying, threads=1) as process, pytest.raises(UnavailableError, match="exit code 7"):
        process.visit()
    with pytest.raises(UnavailableError, match="exit code 3"):
        ContenderProcess([sys.executable, "-c", "raise SystemExit(3)"], threads=1)


@pytest.mark.parametrize("module", ["runtime_speed", "export_matrix", "speed_contender"])
def test_parents_of_measured_processes_stay_small(module):
    """Linux counts the parent's memory at the fork as the child's."""
    line = f"import sys, rapsam.benchmarks.studies.{module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", line], check=True)
