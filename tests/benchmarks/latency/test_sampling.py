from __future__ import annotations

import pytest

from rapsam.benchmarks.latency.sampling import MAX_PER_VISIT, WINDOW, sample, timed, warm_up

MS = 1_000_000


class Machine:
    """Runs take the times that are given, the last one for ever; nothing else takes any."""

    def __init__(self, *times_ms: float) -> None:
        self.times = [round(time * MS) for time in times_ms]
        self.now = 0
        self.runs = 0

    def run(self) -> None:
        self.now += self.times[min(self.runs, len(self.times) - 1)]
        self.runs += 1

    def clock(self) -> int:
        return self.now


def test_a_run_is_timed_to_the_nanosecond():
    machine = Machine(1.000001)
    assert timed(machine.run, machine.clock) == 1_000_001


def test_the_first_run_of_a_visit_is_not_counted():
    machine = Machine(50, 2, 3, 4)
    assert sample(machine.run, 3, 0, 100, machine.clock) == [2 * MS, 3 * MS, 4 * MS]


@pytest.mark.parametrize(
    ("at_least", "at_least_s", "count"), [(7, 0.0, 7), (1, 0.02, 10), (7, 0.02, 10), (30, 0.02, 30)]
)
def test_there_are_as_many_samples_and_as_much_time_as_is_wanted(at_least, at_least_s, count):
    machine = Machine(2)
    assert len(sample(machine.run, at_least, at_least_s, 100, machine.clock)) == count


def test_a_slow_stage_ends_with_what_it_has():
    machine = Machine(400)
    assert len(sample(machine.run, 1000, 1, 1, machine.clock)) == 3


def test_a_stage_that_takes_no_time_ends():
    machine = Machine(0)
    assert len(sample(machine.run, 1, 1, 1, machine.clock)) == MAX_PER_VISIT


def test_nothing_but_the_run_stands_between_two_readings_of_the_clock():
    events: list[str] = []

    def clock() -> int:
        events.append("clock")
        return len(events)

    sample(lambda: events.append("run"), 3, 0, 1, clock)
    assert events == ["run", *["clock", "run", "clock"] * 3]


def test_warm_is_when_two_windows_agree():
    found = warm_up((machine := Machine(90, 70, 50, 30, 20, *[10] * 100)).run, 60, machine.clock)
    assert found.is_steady
    assert len(found.samples_ns) == 3 * WINDOW


def test_what_never_becomes_steady_is_given_up():
    machine = Machine(*(1.2**k for k in range(200)))
    found = warm_up(machine.run, 1, machine.clock)
    assert not found.is_steady
    assert machine.now >= 1000 * MS
