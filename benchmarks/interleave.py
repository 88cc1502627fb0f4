"""Timing in turns: whatever slows the machine down for a while slows everyone down."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from rapsam.errors import UnavailableError

Key = TypeVar("Key", bound=Hashable)
Clock = Callable[[], float]


def in_turns(
    visits: Mapping[Key, Callable[[], float]], rounds: int, pause: Callable[[], None]
) -> dict[Key, list[float] | str]:
    """Visits everyone once per round.

    Every other round goes backwards, so that nobody always comes after the same neighbour.

    Args:
        visits: Name to a function that gives seconds, or raises `UnavailableError`.
        rounds: Visits to everyone.
        pause: Called after each visit.

    Returns:
        Name to one time per round, or to the reason why the visits ended.
    """
    times: dict[Key, list[float]] = {name: [] for name in visits}
    fallen: dict[Key, str] = {}
    for number in range(rounds):
        for name in list(visits)[:: -1 if number % 2 else 1]:
            if name in fallen:
                continue
            try:
                times[name].append(visits[name]())
            except UnavailableError as error:
                fallen[name] = str(error)
            pause()
    return {name: fallen.get(name, times[name]) for name in visits}


def seconds_per_pass(run: Callable[[], object], at_least_s: float, clock: Clock = time.perf_counter) -> float:
    """Times passes as they follow each other in a stream of frames.

    The first pass is not counted: it wakes the threads and fills the caches.

    Args:
        run: One pass.
        at_least_s: Passes are repeated for this long.
        clock: Gives seconds.
    """
    run()
    count, start = 0, clock()
    while True:
        run()
        count += 1
        elapsed = clock() - start
        if elapsed >= at_least_s:
            return elapsed / count
