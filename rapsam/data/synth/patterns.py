"""Surfaces of things: plain, stripes, dots, checks, fixed to the object."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.data.synth.noise import Rng
from rapsam.tasks.arrays import Floats

PATTERNS = ("plain", "stripes", "dots", "checks")
_PREFERRED = 0.4
_FINEST_PX = 5.0


class Pattern(NamedTuple):
    """A surface.

    Attributes:
        kind: One of `PATTERNS`.
        frequency: Periods per side of the object.
        angle: Direction in radians.
        phase: Shift, 0..1 periods.
    """

    kind: str
    frequency: float
    angle: float
    phase: float


def any_pattern(rng: Rng, preferred: str, side: float) -> Pattern:
    """Draws a surface for an object of so many pixels, more often the preferred kind."""
    kind = preferred if rng.random() < _PREFERRED else PATTERNS[int(rng.integers(len(PATTERNS)))]
    frequency = min(float(rng.uniform(3, 7)), side / _FINEST_PX)
    return Pattern(kind, frequency, float(rng.uniform(0, np.pi)), float(rng.random()))


def second_share(pattern: Pattern, u: Floats, v: Floats, pixel: float) -> Floats:
    """Gives the share of the second colour, 0..1, at points of the object's frame.

    Args:
        pattern: The surface.
        u: Positions along the object's x axis, in sides.
        v: The same along its y axis.
        pixel: Size of a pixel in sides, for soft edges.
    """
    if pattern.kind == "plain":
        return np.zeros_like(u)
    cos, sin = np.cos(pattern.angle), np.sin(pattern.angle)
    frequency, phase = np.float32(pattern.frequency), np.float32(pattern.phase)
    across = _wave((u * np.float32(cos) + v * np.float32(sin)) * frequency + phase)
    soft = np.float32(4 * pattern.frequency * pixel)
    if pattern.kind == "stripes":
        return _soft(across, soft)
    along = _wave((v * np.float32(cos) - u * np.float32(sin)) * frequency + phase)
    if pattern.kind == "dots":
        return _soft(np.float32(0.62) - np.hypot(across - 1, along - 1), soft)
    one, other = _soft(across, soft), _soft(along, soft)
    return one * other + (1 - one) * (1 - other)


def _wave(position: Floats) -> Floats:
    """A triangular wave between -1 and 1 of period 1."""
    return 4 * np.abs(position - np.round(position)) - 1


def _soft(values: Floats, width: np.float32) -> Floats:
    return np.clip(values / width + np.float32(0.5), 0, 1)
