"""Times a graph beside its fp32 form."""

from __future__ import annotations

import functools
import statistics
from pathlib import Path

from rapsam.benchmarks.measuring.timing import all_in_turns, seconds_per_pass
from rapsam.benchmarks.studies.few_bits_records import Times
from rapsam.contract import GraphContract
from rapsam.export.backends.runtimes import Runtime
from rapsam.inference.runner import Arrays

ROUNDS = 15
THREADS = 1
_AT_LEAST_S = 0.1


def times_beside_float(
    runtime: Runtime, ours: Path, theirs: Path, contract: GraphContract, sample: Arrays, rounds: int
) -> Times | None:
    """Runs two forms of a graph in turns, one thread.

    Args:
        runtime: Runs both; the times of an interpreter of ours would say nothing.
        ours: The graph of few bits.
        theirs: Its fp32 form.
        contract: Of both.
        sample: Inputs.
        rounds: Turns that both have.

    Returns:
        Their times; None where the runtime is no real one.

    Raises:
        BundleError: If the runtime refuses one of them.
        UnavailableError: If a run fails.
    """
    if runtime.provenance != "measured":
        return None
    visits = {}
    for name, path in (("ours", ours), ("theirs", theirs)):
        runner = runtime.load(path, contract, THREADS)
        visits[name] = functools.partial(seconds_per_pass, functools.partial(runner.run, sample), _AT_LEAST_S)
    seconds = tuple(all_in_turns(visits, rounds, lambda: None).values())
    return Times(
        ms=1e3 * statistics.median(seconds[0]),
        float_ms=1e3 * statistics.median(seconds[1]),
        ratio=statistics.median(our / their for our, their in zip(*seconds, strict=True)),
    )
