"""How many threads a runtime is tried with."""

from __future__ import annotations

from rapsam.benchmarks.runners.base import Wanted
from rapsam.errors import InputError, quoted
from rapsam.export.backends.runtimes import THREADS


def check_threads(wanted: Wanted, cores: int, owner: str) -> None:
    """Refuses a number of threads that a device has no processors for.

    Args:
        wanted: What a user asks for.
        cores: Processors of the device.
        owner: The device, for people.

    Raises:
        InputError: If it does.
    """
    if wanted.threads is not None and not 1 <= wanted.threads <= cores:
        raise InputError(
            f"--threads {quoted(wanted.threads)}; expected 1 to {cores}, the processors of {owner}"
        )


def thread_counts(wanted: Wanted, cores: int) -> tuple[int, ...]:
    """Lists numbers of threads: the one that is wanted, else of a sweep powers of two and all processors.

    Args:
        wanted: What a user asks for.
        cores: Processors of the device.
    """
    if wanted.threads is not None:
        return (wanted.threads,)
    if not wanted.all_units:
        return (min(THREADS, cores),)
    return (*(1 << power for power in range((cores - 1).bit_length())), cores)
