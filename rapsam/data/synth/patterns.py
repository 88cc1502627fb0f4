"""Surfaces of things: two colours in a pattern that is fixed to the object."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from rapsam.data.synth.noise import Rng, step
from rapsam.tasks.arrays import Floats

_PREFERRED = 0.8
_PERIODS_PX = (8.0, 16.0)
"""At a unit of 1; finer ones would vanish in blur and noise."""
_MIN_PERIODS = 2.5
"""Per side of a thing: less of a pattern could not be told from another."""

Form: TypeAlias = Callable[[Floats, Floats, float], Floats]
"""Returns the share of the second colour, 0..1, for positions and the width of an edge, all in periods."""


class Pattern(NamedTuple):
    """A surface.

    Attributes:
        kind: A key of `PATTERNS`.
        frequency: Periods per side of the object.
        angle: Direction in radians.
        phase: Shift, 0..1 periods.
    """

    kind: str
    frequency: float
    angle: float
    phase: float


def any_pattern(rng: Rng, preferred: str, side: float, unit: float) -> Pattern:
    """Draws a surface, mostly the preferred kind.

    Args:
        rng: Random numbers.
        preferred: A key of `PATTERNS`.
        side: Of the thing in pixels.
        unit: Pixels of a unit: patterns grow with the picture, not with the thing.
    """
    kinds = tuple(PATTERNS)
    kind = preferred if rng.random() < _PREFERRED else kinds[int(rng.integers(len(kinds)))]
    frequency = max(side / (unit * float(rng.uniform(*_PERIODS_PX))), _MIN_PERIODS)
    return Pattern(kind, frequency, float(rng.uniform(0, np.pi)), float(rng.random()))


def second_share(pattern: Pattern, u: Floats, v: Floats, pixel: float) -> Floats:
    """Returns the share of the second colour, 0..1, at points of the object's frame.

    Args:
        pattern: The surface.
        u: Positions along the object's x axis, in sides.
        v: The same along its y axis.
        pixel: Size of a pixel in sides, for soft edges.
    """
    cos, sin = np.cos(pattern.angle), np.sin(pattern.angle)
    frequency, phase = np.float32(pattern.frequency), np.float32(pattern.phase)
    x = (u * np.float32(cos) + v * np.float32(sin)) * frequency + phase
    y = (v * np.float32(cos) - u * np.float32(sin)) * frequency + phase
    return PATTERNS[pattern.kind](x, y, pattern.frequency * pixel)


def _plain(x: Floats, y: Floats, soft: float) -> Floats:
    """One colour."""
    del soft
    return np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)


def _stripes(x: Floats, y: Floats, soft: float) -> Floats:
    """As wide as the gaps between them."""
    del y
    return step(_wave(x), 4 * soft)


def _dots(x: Floats, y: Floats, soft: float) -> Floats:
    """Discs in rows."""
    return step(np.float32(0.33) - np.hypot(_offset(x), _offset(y)), soft)


def _checks(x: Floats, y: Floats, soft: float) -> Floats:
    """A chessboard."""
    one, other = step(_wave(x), 4 * soft), step(_wave(y), 4 * soft)
    return one * other + (1 - one) * (1 - other)


def _waves(x: Floats, y: Floats, soft: float) -> Floats:
    """Stripes that swing to and fro."""
    return step(_wave(x + np.float32(0.3) * np.sin(np.float32(np.pi) * y)), 4 * soft)


def _zigzag(x: Floats, y: Floats, soft: float) -> Floats:
    """Stripes with sharp corners."""
    return step(_wave(x + np.float32(0.4) * _wave(y * np.float32(0.7))), 6 * soft)


def _grid(x: Floats, y: Floats, soft: float) -> Floats:
    """Thin lines that cross."""
    return step(np.float32(0.14) - np.minimum(np.abs(_offset(x)), np.abs(_offset(y))), soft)


def _scales(x: Floats, y: Floats, soft: float) -> Floats:
    """Rows of round scales, each with a rim, half a scale aside from row to row."""
    row = np.floor(2 * y)
    down = y - row / 2
    across = _offset(x + np.float32(0.5) * (row % np.float32(2)))
    return step(np.abs(np.hypot(across, down) - np.float32(0.42)) - np.float32(0.11), soft)


def _targets(x: Floats, y: Floats, soft: float) -> Floats:
    """Rings with a dot in the middle."""
    radius = np.hypot(_offset(x), _offset(y))
    return step(np.abs(radius - np.float32(0.26)) - np.float32(0.1), soft)


def _triangles(x: Floats, y: Floats, soft: float) -> Floats:
    """Triangles that point up and down in turn."""
    row = np.floor(y)
    up, across = y - row, np.abs(_offset(x + np.float32(0.5) * (row % np.float32(2))))
    return step((1 - up) * np.float32(0.5) - across, soft)


def _patches(x: Floats, y: Floats, soft: float) -> Floats:
    """Patches like those of a cow: waves whose periods have no common measure."""
    turn = np.float32(2 * np.pi)
    height = np.sin(turn * (0.43 * x + 0.11 * y)) + np.sin(turn * (0.17 * y - 0.37 * x) + 1)
    height = height + np.sin(turn * (0.59 * y + 0.07 * x) + 2)
    return step(np.asarray(height, np.float32) - np.float32(0.3), 3 * soft)


def _dashes(x: Floats, y: Floats, soft: float) -> Floats:
    """Short strokes, half a stroke aside from row to row."""
    row = np.floor(2 * y)
    along = np.abs(_offset(x + np.float32(0.5) * (row % np.float32(2))))
    across = np.abs(2 * y - row - np.float32(0.5)) / 2
    return step(np.minimum(np.float32(0.32) - along, np.float32(0.13) - across), soft)


def _crosses(x: Floats, y: Floats, soft: float) -> Floats:
    """Plus signs in rows."""
    across, down = np.abs(_offset(x)), np.abs(_offset(y))
    near, far = np.minimum(across, down), np.maximum(across, down)
    return step(np.minimum(np.float32(0.13) - near, np.float32(0.38) - far), soft)


def _combs(x: Floats, y: Floats, soft: float) -> Floats:
    """Honeycombs: thin walls around cells of six sides."""
    root = np.float32(np.sqrt(3))
    even = _offset(x), _offset(y / root) * root
    odd = _offset(x + np.float32(0.5)), _offset(y / root + np.float32(0.5)) * root
    nearer = np.hypot(*even) < np.hypot(*odd)
    across, down = (np.abs(np.where(nearer, one, other)) for one, other in zip(even, odd, strict=True))
    # 0.5 on the sides of the cell around the nearer middle.
    reach = np.maximum(across, across / 2 + down * root / 2)
    return step(reach - np.float32(0.38), soft)


def _offset(position: Floats) -> Floats:
    """Returns the distance to the nearest whole number, -0.5..0.5."""
    return np.asarray(position - np.round(position))


def _wave(position: Floats) -> Floats:
    """A triangular wave between -1 and 1 of period 1."""
    return np.asarray(4 * np.abs(_offset(position)) - 1)


PATTERNS: dict[str, Form] = {
    "plain": _plain,
    "stripes": _stripes,
    "dots": _dots,
    "checks": _checks,
    "waves": _waves,
    "zigzag": _zigzag,
    "grid": _grid,
    "scales": _scales,
    "targets": _targets,
    "triangles": _triangles,
    "patches": _patches,
    "dashes": _dashes,
    "crosses": _crosses,
    "combs": _combs,
}
