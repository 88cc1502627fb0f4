"""The loops that time: nothing stands between the two readings of the clock but the call."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

Run = Callable[[], object]
Clock = Callable[[], int]
"""Returns nanoseconds."""
WINDOW = 5
"""Runs whose medians are compared to tell whether times are steady."""
STEADY = 0.05
"""Largest difference of two windows that follow each other."""
MAX_PER_VISIT = 20_000
_NS = 1_000_000_000


class WarmUp(NamedTuple):
    """The runs before times are steady.

    Attributes:
        samples_ns: Their times.
        is_steady: Whether the last two windows agree; else the time was over.
    """

    samples_ns: list[int]
    is_steady: bool


def timed(run: Run, clock: Clock = time.perf_counter_ns) -> int:
    """Runs once and returns the nanoseconds."""
    before = clock()
    run()
    return clock() - before


def warm_up(run: Run, at_most_s: float, clock: Clock = time.perf_counter_ns) -> WarmUp:
    """Runs until times are steady: the medians of two windows of five runs differ by less than 5 %.

    Args:
        run: One run; at least one is made.
        at_most_s: It is given up then.
        clock: Returns nanoseconds.
    """
    samples: list[int] = []
    end = clock() + int(at_most_s * _NS)
    while True:
        samples.append(timed(run, clock))
        if len(samples) >= 2 * WINDOW and len(samples) % WINDOW == 0:
            older, newer = (
                statistics.median(part) for part in (samples[-2 * WINDOW : -WINDOW], samples[-WINDOW:])
            )
            if abs(newer - older) <= STEADY * older:
                return WarmUp(samples, is_steady=True)
        if clock() >= end:
            return WarmUp(samples, is_steady=False)


def sample(
    run: Run, at_least: int, at_least_s: float, at_most_s: float, clock: Clock = time.perf_counter_ns
) -> list[int]:
    """Times runs that follow each other; the first is not counted, it wakes the threads and fills the caches.

    Args:
        run: One run.
        at_least: Samples.
        at_least_s: Time of all samples together.
        at_most_s: No run begins after that.
        clock: Returns nanoseconds.

    Returns:
        Nanoseconds of every run, one at least and 20,000 at most.
    """
    enough_ns, end_ns = int(at_least_s * _NS), int(at_most_s * _NS)
    samples: list[int] = []
    spent = 0
    run()
    while True:
        before = clock()
        run()
        after = clock()
        samples.append(after - before)
        spent += after - before
        count = len(samples)
        if spent >= end_ns or count >= MAX_PER_VISIT or (count >= at_least and spent >= enough_ns):
            return samples
