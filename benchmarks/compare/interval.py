"""How sure one is that one run took longer than another, from the samples of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
LEVEL = 0.95
MIN_SAMPLES = 5
"""With fewer, an interval would be little else than their range."""
MIN_BLOCKS = 10
_SEED = 0


class RatioInterval(NamedTuple):
    """The ratio of two medians, and between what it lies in 95 of 100 cases."""

    low: float
    ratio: float
    high: float


def ratio_of_medians(
    before: Sequence[float], after: Sequence[float], turns: tuple[int, int]
) -> RatioInterval | None:
    """Estimates by how much the median of some times differs from that of others.

    Medians, because times have a long tail of interruptions that say nothing of the code; their ratio with an
    interval, because a test of significance says whether there is a difference, not how large it is (Kalibera
    and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013). The interval comes from a bootstrap
    that draws whole turns: samples that follow each other resemble each other, since the clock rate and other
    processes change slowly, and drawing them one by one would make the interval too narrow (Künsch, "The
    jackknife and the bootstrap for general stationary observations", Annals of Statistics 17, 1989). What
    differs from process to process, as where memory lies, is in no sample of one run: a limit must leave room
    for it.

    Args:
        before: Times, in the order in which they were measured.
        after: The same of the other run.
        turns: Among how many turns each was divided; at least ten blocks are made of them.

    Returns:
        The ratio, after by before; None for fewer than five samples, or medians of 0.
    """
    if min(len(before), len(after)) < MIN_SAMPLES:
        return None
    rng = np.random.default_rng(_SEED)
    below, above = (_Medians(times, count) for times, count in zip((before, after), turns, strict=True))
    if not below.plain or not above.plain:
        return None
    ratios = [above.drawn(rng) / below.drawn(rng) for _ in range(RESAMPLES)]
    if not np.isfinite(ratios).all():
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(ratios, (tail, 1 - tail))
    return RatioInterval(float(low), above.plain / below.plain, float(high))


class _Medians:
    """Medians of some times, of all of them or of turns drawn with replacement."""

    def __init__(self, times: Sequence[float], turns: int) -> None:
        values = np.asarray(times, np.float64)
        self._blocks = min(max(turns, MIN_BLOCKS), len(values))
        order = np.argsort(values, kind="stable")
        self._sorted = values[order]
        self._block_of: npt.NDArray[np.int64] = order * self._blocks // len(values)
        self.plain = float(np.median(values))

    def drawn(self, rng: np.random.Generator) -> float:
        """Draws as many turns as there are, and returns the median of their samples."""
        times_drawn = np.bincount(rng.integers(self._blocks, size=self._blocks), minlength=self._blocks)
        until = np.cumsum(times_drawn[self._block_of])
        middle = np.searchsorted(until, [(until[-1] + 1) // 2, until[-1] // 2 + 1])
        return float(self._sorted[middle].mean())
