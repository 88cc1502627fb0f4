"""The times of a stage as a record has them, wherever they were taken."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.latency.distribution import distribution
from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import Mode, StageTimes, Window
from rapsam.benchmarks.latency.stage_names import StageName


def stage_times(
    name: StageName, mode: Mode, samples_ms: Sequence[float], timing: Timing, sustained_s: float
) -> StageTimes:
    """Makes statistics of samples, and says whether they are as many, and took as long, as was wanted.

    Args:
        name: The stage.
        mode: How its samples were taken.
        samples_ms: All of them, in order, at least one.
        timing: What was wanted.
        sustained_s: How long the sustained run took, whose oldest samples may be missing; for bursts their
            own sum counts.
    """
    if mode == "burst":
        lasted = sum(samples_ms) / 1e3 >= timing.min_seconds
    else:
        lasted = sustained_s >= (timing.sustained_s or 0.0)
    return StageTimes(
        kind=name.kind,
        of=name.of,
        mode=mode,
        ms=distribution(samples_ms),
        samples_ms=tuple(samples_ms),
        min_duration_met=lasted,
        min_count_met=len(samples_ms) >= timing.iters,
    )


def sustained_seconds(windows: Sequence[Window] | None) -> float:
    """Returns how long a sustained run took, by its windows; 0 without one."""
    return windows[-1].t_s if windows else 0.0
