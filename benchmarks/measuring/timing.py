"""Fair measurements: in turns, and in processes of their own.

Whatever slows the machine down for a while slows down everyone who takes turns; work in a process of its
own has its own memory and its own threads.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import msgspec

from rapsam.errors import UnavailableError

Key = TypeVar("Key", bound=Hashable)
Record = TypeVar("Record", bound=msgspec.Struct)
Clock = Callable[[], float]
_KIB_PER_MIB = 1024


def in_turns(
    visits: Mapping[Key, Callable[[], float]], rounds: int, pause: Callable[[], None]
) -> dict[Key, list[float] | str]:
    """Visits everyone once per round.

    Every other round goes backwards, so that nobody always comes after the same neighbour.

    Args:
        visits: Name to a function that returns seconds, or raises `UnavailableError`.
        rounds: Visits to everyone.
        pause: Called after each visit.

    Returns:
        Name to one time per round, or to the reason why the visits ended.
    """
    times: dict[Key, list[float]] = {name: [] for name in visits}
    ended: dict[Key, str] = {}
    for number in range(rounds):
        for name in list(visits)[:: -1 if number % 2 else 1]:
            if name in ended:
                continue
            try:
                times[name].append(visits[name]())
            except UnavailableError as error:
                ended[name] = str(error)
            pause()
    return {name: ended.get(name, times[name]) for name in visits}


def all_in_turns(
    visits: Mapping[Key, Callable[[], float]], rounds: int, pause: Callable[[], None]
) -> dict[Key, list[float]]:
    """Visits everyone as `in_turns` does, where nobody may fail.

    Returns:
        Name to one time per round, in the order of `visits`.

    Raises:
        UnavailableError: With the reason why somebody's visits ended.
    """
    times = {}
    for name, found in in_turns(visits, rounds, pause).items():
        if isinstance(found, str):
            raise UnavailableError(found)
        times[name] = found
    return times


def seconds_per_pass(run: Callable[[], object], at_least_s: float, clock: Clock = time.perf_counter) -> float:
    """Times passes as they follow each other in a stream of frames.

    The first pass is not counted: it wakes the threads and fills the caches.

    Args:
        run: One pass.
        at_least_s: Passes are repeated for this long.
        clock: Returns seconds.
    """
    run()
    count, start = 0, clock()
    while True:
        run()
        count += 1
        elapsed = clock() - start
        if elapsed >= at_least_s:
            return elapsed / count


def in_own_process(module: str, arguments: object, kind: type[Record]) -> Record:
    """Runs `python -m MODULE --one ARGUMENTS` and returns the record that it printed.

    Args:
        module: A module of this package that takes the option `--one` with JSON.
        arguments: What can be written as JSON.
        kind: What it prints, as JSON.

    Raises:
        UnavailableError: If it ends with an error; what it said is on the terminal.
    """
    line = [sys.executable, "-m", module, "--one", json.dumps(arguments)]
    done = subprocess.run(line, stdout=subprocess.PIPE)
    if done.returncode:
        raise UnavailableError(
            f"python -m {module} ended with exit code {done.returncode} for {arguments}; see above why"
        )
    return msgspec.json.decode(done.stdout, type=kind)


def peak_rss_mb() -> int:
    """Returns the largest resident memory so far of this process, or of a finished child, MiB.

    Linux counts from the fork on, with the parent's memory: measure in children of small processes only.
    """
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage.ru_maxrss for usage in usages) // _KIB_PER_MIB
