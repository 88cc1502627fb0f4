"""Palettes: few values that stand for many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_PASSES = 60
_Values = npt.NDArray[np.float64]


def weighted_palette(values: _Values, weights: _Values, count: int) -> _Values:
    """Chooses values that others are replaced by, so that the weighted sum of squared errors is small.

    Lloyd's algorithm on a line, from two beginnings, of which the better end is taken: places between which
    lies the same weight, and places that are evenly spread.

    Args:
        values: Numbers, (n,).
        weights: How much each counts, (n,), above 0.
        count: Most values in the palette.

    Returns:
        The palette, ascending, (count,) or shorter where there are fewer numbers.
    """
    order = np.argsort(values, kind="stable")
    line, shares = values[order], weights[order]
    distinct = np.unique(line)
    if len(distinct) <= count:
        return distinct
    whole = np.cumsum(shares)
    middles = (np.arange(count) + 0.5) / count * whole[-1]
    begins = line[np.searchsorted(whole, middles)], np.linspace(line[0], line[-1], count)
    ends = [_settled(line, shares, np.asarray(begin, np.float64)) for begin in begins]
    return min(ends, key=lambda palette: _error(line, shares, palette))


def nearest(values: Tensor, palette: Tensor) -> Tensor:
    """Returns the nearest entry of an ascending palette for every value; same shape."""
    middles = (palette[1:] + palette[:-1]) / 2
    return palette[torch.bucketize(values.contiguous(), middles)]


def _settled(line: _Values, shares: _Values, palette: _Values) -> _Values:
    """Moves every entry to the mean of what it stands for, until none moves."""
    weight = np.concatenate([[0.0], np.cumsum(shares)])
    moment = np.concatenate([[0.0], np.cumsum(shares * line)])
    for _ in range(_PASSES):
        cuts = np.searchsorted(line, (palette[1:] + palette[:-1]) / 2)
        edges = np.concatenate([[0], cuts, [len(line)]])
        held = np.diff(weight[edges])
        means = np.divide(np.diff(moment[edges]), held, out=palette.copy(), where=held > 0)
        means.sort()
        if np.array_equal(means, palette):
            break
        palette = means
    return palette


def _error(line: _Values, shares: _Values, palette: _Values) -> float:
    places = np.searchsorted((palette[1:] + palette[:-1]) / 2, line)
    return float((shares * (line - palette[places]) ** 2).sum())
