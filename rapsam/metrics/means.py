"""Means over the classes that occur."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def mean_of_known(values: npt.ArrayLike) -> float:
    """Averages the values that are not NaN; NaN if there is none."""
    numbers = np.asarray(values, np.float64)
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if known.size else float("nan")
