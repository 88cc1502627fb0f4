"""Backdrops: one to four surfaces behind horizons, along shores, or in patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rapsam.data.synth.noise import Rng, Size, smooth_noise
from rapsam.data.synth.surfaces import SURFACES, draw_surface
from rapsam.tasks.arrays import Floats, Ids

_NAMES = tuple(SURFACES)
_SKY = _NAMES.index("sky")
_GROUND = tuple(place for place in range(len(_NAMES)) if place != _SKY)

Layer = tuple[int, Floats]
"""A surface's place in `SURFACES` and what it covers, (height, width) 0..1; later ones lie on top."""


class Backdrop(NamedTuple):
    """A picture without things.

    Attributes:
        pixels: (height, width, 3) float32 RGB, about 0..1.
        surfaces: (height, width) int32 place in `SURFACES`.
    """

    pixels: Floats
    surfaces: Ids


def draw_backdrop(rng: Rng, size: Size, unit: float) -> Backdrop:
    """Draws a backdrop; surfaces that occur in several places look alike in all of them.

    Args:
        rng: Random numbers.
        size: Height and width.
        unit: Pixels of a unit; textures grow with it.
    """
    layout: Callable[[Rng, Size, float], list[Layer]] = _LAYOUTS[int(rng.choice(4, p=_SHARES))]
    pixels = np.zeros((*size, 3), np.float32)
    surfaces = np.zeros(size, np.int32)
    drawn: dict[int, Floats] = {}
    for place, cover in layout(rng, size, unit):
        if place not in drawn:
            drawn[place] = draw_surface(rng, SURFACES[_NAMES[place]], size, unit)
        pixels += cover[..., None] * (drawn[place] - pixels)
        surfaces[cover >= 0.5] = place
    return Backdrop(pixels, surfaces)


def _horizons(rng: Rng, size: Size, unit: float) -> list[Layer]:
    """Two to four bands, mostly under a sky, with level, rolling or rugged borders."""
    count = int(rng.integers(2, 5))
    ground = [int(place) for place in rng.permutation(_GROUND)]
    order = [_SKY, *ground] if rng.random() < 0.8 else ground
    layers = [(order[0], np.ones(size, np.float32))]
    edges = np.sort(rng.uniform(0.15, 0.9, count - 1)) * size[0]
    y = np.arange(size[0], dtype=np.float32)[:, None] + np.float32(0.5)
    for place, edge in zip(order[1:], edges, strict=False):
        height = size[0] * rng.choice([0.005, 0.04, 0.1])
        bumps = smooth_noise(rng, (1, size[1]), (1, unit * rng.uniform(15, 90)))[0]
        border = np.float32(edge) + np.float32(height) * bumps
        layers.append((place, _cover((y - border) / np.hypot(1, np.gradient(border)))))
    return layers


def _shore(rng: Rng, size: Size, unit: float) -> list[Layer]:
    """Two surfaces of the ground, side by side."""
    first, second = (int(place) for place in rng.permutation(_GROUND)[:2])
    y, x = _positions(rng, size, unit)
    turn = rng.uniform(0, 2 * np.pi)
    middle = np.array(size) * rng.uniform(0.35, 0.65, 2)
    distance = (y - np.float32(middle[0])) * np.float32(np.sin(turn))
    distance += (x - np.float32(middle[1])) * np.float32(np.cos(turn))
    return [(first, np.ones(size, np.float32)), (second, _cover(distance))]


def _patches(rng: Rng, size: Size, unit: float) -> list[Layer]:
    """The ground from above: patches of two to four surfaces."""
    count = int(rng.integers(2, 5))
    places = [int(place) for place in rng.permutation(_GROUND)[:count]]
    seeds = rng.random((count + int(rng.integers(0, 4)), 2)) * size
    y, x = _positions(rng, size, unit)
    distances = [np.hypot(y - np.float32(top), x - np.float32(left)) for top, left in seeds]
    nearest = [np.minimum.reduce(distances[k::count]) for k in range(count)]
    layers = [(places[0], np.ones(size, np.float32))]
    for k in range(1, count):
        rest = np.minimum.reduce([near for other, near in enumerate(nearest) if other != k])
        layers.append((places[k], _cover((rest - nearest[k]) / 2)))
    return layers


def _one(rng: Rng, size: Size, unit: float) -> list[Layer]:  # noqa: ARG001
    """A single surface."""
    return [(int(rng.integers(len(_NAMES))), np.ones(size, np.float32))]


_LAYOUTS = (_horizons, _shore, _patches, _one)
_SHARES = (0.5, 0.15, 0.27, 0.08)


def _positions(rng: Rng, size: Size, unit: float) -> tuple[Floats, Floats]:
    """Returns y and x of the pixels, displaced so that straight borders become natural ones."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    strength, cell = np.float32(unit * rng.uniform(2, 9)), unit * rng.uniform(25, 60)
    y += strength * smooth_noise(rng, size, (cell, cell))
    x += strength * smooth_noise(rng, size, (cell, cell))
    return y, x


def _cover(distance: Floats) -> Floats:
    """Turns signed distances in pixels into coverage."""
    return np.clip(distance + np.float32(0.5), 0, 1)
