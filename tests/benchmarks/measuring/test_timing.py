"""Turns and passes, with a clock and contenders that are made up; work in a process of its own."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.benchmarks.measuring.timing import all_in_turns, in_own_process, in_turns, seconds_per_pass
from rapsam.errors import UnavailableError


class Clock:
    """A clock that only passes of known length move on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_where_nobody_may_fail_the_first_failure_ends_it():
    def broken():
        raise UnavailableError("no runtime")

    visits = {"b": lambda: 2.0, "a": lambda: 1.0}
    assert list(all_in_turns(visits, 3, lambda: None).items()) == [("b", [2.0] * 3), ("a", [1.0] * 3)]
    with pytest.raises(UnavailableError, match="no runtime"):
        all_in_turns({**visits, "c": broken}, 3, lambda: None)


@pytest.mark.parametrize(
    ("lengths", "at_least", "expected"),
    [([9, 2, 2, 2], 5, 2), ([9, 7], 5, 7), ([9, 1, 4], 5, 2.5)],
)
def test_passes_are_averaged_without_the_first(lengths, at_least, expected):
    clock, rest = Clock(), list(lengths)

    def run():
        clock.now += rest.pop(0)

    assert seconds_per_pass(run, at_least, clock) == pytest.approx(expected)
    assert not rest


def test_everyone_runs_once_per_round_and_the_order_turns():
    seen = []

    def visit(name):
        seen.append(name)
        return float(len(seen))

    times = in_turns({name: lambda name=name: visit(name) for name in "abc"}, 3, lambda: seen.append("-"))
    assert "".join(seen) == "a-b-c-c-b-a-a-b-c-"
    assert times["b"] == [3.0, 9.0, 15.0]


def test_one_that_falls_out_is_not_visited_again_and_leaves_the_others():
    visits = []

    def fall():
        visits.append(1)
        raise UnavailableError("out of memory")

    times = in_turns({"good": lambda: 1.0, "bad": fall}, 4, lambda: None)
    assert times == {"good": [1.0] * 4, "bad": "out of memory"}
    assert len(visits) == 1


def test_work_that_ends_with_an_error_is_one_line(capfd):
    with pytest.raises(UnavailableError, match="no_such_module ended with exit code 1"):
        in_own_process("rapsam.benchmarks.no_such_module", [], msgspec.Struct)
    assert "No module named" in capfd.readouterr().err
