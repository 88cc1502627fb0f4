"""What long work says away from a terminal; test_cli_export has the live line of a terminal."""

from __future__ import annotations

import itertools

import pytest

from rapsam.cli import console
from rapsam.cli.console import counted_progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def test_a_phase_has_one_line_unless_it_is_silent_for_long(clock, capsys):
    log = console.StepLog()
    for moment, step in enumerate(["encoder: capturing", "encoder: lowering", "prompt: capturing"]):
        clock[0] = float(moment)
        log.detail(step)
    clock[0] = 6.0
    log.detail("prompt: lowering")
    log.note("pixel-8")
    log.detail("prompt: capturing")
    assert capsys.readouterr().err.splitlines() == [
        "[   0.0 s] encoder: capturing",
        "[   2.0 s] prompt: capturing",
        "[   6.0 s] prompt: lowering",
        "[   6.0 s] pixel-8",
        "[   6.0 s] prompt: capturing",
    ]


@pytest.mark.parametrize(("seconds", "most"), [(10, 5), (300, 20), (3600, 75)])
def test_a_log_stays_short_and_is_never_silent_for_more_than_a_minute(seconds, most, clock, capsys):
    with counted_progress("steps") as report:
        for second in range(seconds + 1):
            clock[0] = float(second)
            report(second, seconds)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= most
    told = [float(line[1:].partition(" s]")[0]) for line in lines]
    assert max(after - before for before, after in itertools.pairwise(told)) <= 60
    assert lines[0].endswith(f"0 of {seconds} steps")
    assert lines[-1].endswith(f"{seconds} of {seconds} steps")
