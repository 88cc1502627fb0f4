"""Mask logits of which a bundle stores every n-th value, made whole again for looking at them.

Both sides of a comparison go through this alike, so what differs in a picture differs in stored values.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from rapsam.tasks.arrays import Floats

_ENOUGH = 16
"""Values of a map; of fewer no picture can be made."""
_OUTSIDE = -100.0


def whole_masks(
    samples: Iterable[Floats], shape: tuple[int, ...], step: int, wanted: npt.NDArray[np.bool_]
) -> Floats | None:
    """Fills the gaps between stored values of maps, linearly.

    Args:
        samples: Flat stored values of each side, alike in number.
        shape: (1, N, h, w) of the whole tensor.
        step: Every how many-th value is stored, from the first on.
        wanted: (N,) which maps are needed; the others are far below zero.

    Returns:
        (sides, N, h, w) logits; None if too few values of a map are stored.
    """
    sides = np.stack([np.asarray(side, np.float32).ravel() for side in samples])
    count, height, width = shape[1:]
    if step == 1:
        return sides.reshape(-1, count, height, width)
    size = height * width
    if size // step < _ENOUGH:
        return None
    places = np.arange(sides.shape[1], dtype=np.int64) * step
    grid = np.indices((height, width)).reshape(2, -1).T
    found = np.full((len(sides), count, height, width), _OUTSIDE, np.float32)
    for index in np.flatnonzero(wanted):
        of_map = slice(*np.searchsorted(places, (index * size, (index + 1) * size)))
        known = np.stack(np.divmod(places[of_map] - index * size, width), axis=1)
        found[:, index] = _between(known, sides[:, of_map].T, grid).T.reshape(len(sides), height, width)
    return found


def _between(known: npt.NDArray[np.int64], values: Floats, grid: npt.NDArray[np.int64]) -> Floats:
    """Returns (pixels, sides); outside of all known places the nearest one counts."""
    between: Floats = LinearNDInterpolator(known, values)(grid).astype(np.float32)
    outside = np.isnan(between).any(axis=1)
    between[outside] = NearestNDInterpolator(known, values)(grid[outside])
    return between
