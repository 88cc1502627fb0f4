"""Random colours: every one occurs on every class."""

from __future__ import annotations

import colorsys

import numpy as np

from rapsam.data.synth.noise import Rng
from rapsam.tasks.arrays import Floats

_APART = 0.6
"""Sum of the differences of red, green and blue that an eye does not miss."""


def colour(hue: float, saturation: float, value: float) -> Floats:
    """Returns (3,) float32 RGB in 0..1; the hue wraps around."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), np.float32)


def any_colour(rng: Rng) -> Floats:
    """Draws a colour of any hue, from grey to vivid and from dark to bright."""
    return colour(rng.random(), rng.random() ** 0.7, rng.uniform(0.2, 1.0))


def distinct_colour(rng: Rng, *others: Floats) -> Floats:
    """Draws a colour that is told apart from the others: the first such of eight, or the best."""
    best, widest = others[0], -1.0
    for _ in range(8):
        found = any_colour(rng)
        gap = min(float(np.abs(found - other).sum()) for other in others)
        if gap > _APART:
            return found
        if gap > widest:
            best, widest = found, gap
    return best
