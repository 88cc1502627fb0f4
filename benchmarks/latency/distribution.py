"""What is said of repeated times: more than a mean, since few of them are typical."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np

MIN_FOR_P99 = 100
"""With fewer samples the 99th percentile would be little else than the largest."""
TRIMMED_SHARE = 0.1
"""Of the samples, left out at either end of the trimmed mean."""
_DIGITS = 6
"""Of milliseconds: nanoseconds, which is what clocks count."""

Ms = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Distribution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times of one thing, in milliseconds.

    Attributes:
        n: Number of samples.
        mean: Mean of all.
        trimmed_mean: Mean of the middle 80 %.
        std: Standard deviation of the population that the samples are drawn from; null for one sample.
        min: Smallest.
        p5: Percentile, linear between the two nearest samples; the others alike.
        p50: Median.
        p90: Percentile.
        p95: Percentile.
        p99: Percentile; null for fewer than 100 samples.
        max: Largest.
    """

    n: Annotated[int, msgspec.Meta(ge=1)]
    mean: Ms
    trimmed_mean: Ms
    std: Ms | None
    min: Ms
    p5: Ms
    p50: Ms
    p90: Ms
    p95: Ms
    p99: Ms | None
    max: Ms


def distribution(samples_ms: Sequence[float]) -> Distribution:
    """Describes times.

    Args:
        samples_ms: At least one.
    """
    assert samples_ms, "nothing was measured"
    ordered = np.sort(np.asarray(samples_ms, np.float64))
    n = len(ordered)
    cut = int(n * TRIMMED_SHARE)
    p5, p50, p90, p95, p99 = (_rounded(value) for value in np.percentile(ordered, (5, 50, 90, 95, 99)))
    return Distribution(
        n=n,
        mean=_rounded(ordered.mean()),
        trimmed_mean=_rounded(ordered[cut : n - cut].mean()),
        std=_rounded(ordered.std(ddof=1)) if n > 1 else None,
        min=_rounded(ordered[0]),
        p5=p5,
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99 if n >= MIN_FOR_P99 else None,
        max=_rounded(ordered[-1]),
    )


def same_figures(told: Distribution, computed: Distribution) -> bool:
    """Tells whether two descriptions agree but for rounding."""
    pairs = ((getattr(told, name), getattr(computed, name)) for name in Distribution.__struct_fields__)
    return all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-6, abs_tol=2e-6))
        for a, b in pairs
    )


def milliseconds(nanoseconds: int) -> float:
    """Returns milliseconds, exact to the nanosecond."""
    return round(nanoseconds / 1e6, _DIGITS)


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
