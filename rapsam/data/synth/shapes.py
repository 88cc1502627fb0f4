"""The thing classes: how each is drawn, how far it may turn, which surface it prefers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rapsam.data.synth.outlines import (
    BASE,
    SECOND,
    THIRD,
    Outline,
    Part,
    Points,
    arc,
    ellipse,
    polygon,
    rectangle,
    spokes,
)

Rng = np.random.Generator


class Shape(NamedTuple):
    """A thing class.

    Attributes:
        draw: Makes an outline; no two are quite alike.
        max_turn: Degrees by which it turns to either side; 180 is any direction.
        pattern: The surface that most of it have.
    """

    draw: Callable[[Rng], Outline]
    max_turn: float
    pattern: str


def ring(rng: Rng) -> Outline:
    """A thin ring, at times of two colours like a lifebuoy."""
    sectors = [polygon((0, 0), *arc(0, 0, 0.8, a, a + 45, corners=6).tolist()) for a in (0, 90, 180, 270)]
    parts = tuple(Part(sector, SECOND) for sector in sectors) if rng.random() < 0.5 else ()
    return Outline((ellipse(0, 0, 0.5),), (ellipse(0, 0, 0.5 * rng.uniform(0.55, 0.7)),), parts)


def star(rng: Rng) -> Outline:
    """Five points, at times with facets."""
    radii = np.tile([0.5, 0.5 * rng.uniform(0.38, 0.5)], 5)
    corners = spokes(radii)
    facets = [np.stack([np.zeros(2), corners[k], corners[(k + 1) % 10]]) for k in range(0, 10, 2)]
    parts = tuple(Part(facet, SECOND) for facet in facets) if rng.random() < 0.5 else ()
    return Outline((corners,), (), parts)


def cross(rng: Rng) -> Outline:
    """Four equal arms, at times with a smaller cross on it."""
    arm = rng.uniform(0.13, 0.2)
    parts = (Part(_plus(0.5 - arm * 0.55, arm * 0.45), SECOND),) if rng.random() < 0.5 else ()
    return Outline((_plus(0.5, arm),), (), parts)


def _plus(reach: float, arm: float) -> Points:
    quarter = np.array([(reach, -arm), (reach, arm), (arm, arm)])
    turn = np.array([(0, 1), (-1, 0)])
    return np.concatenate([quarter @ np.linalg.matrix_power(turn, k) for k in range(4)])


def crescent(rng: Rng) -> Outline:
    """A moon: a disc from which another disc bit a piece."""
    bite = rng.uniform(0.78, 0.92)
    shift = rng.uniform(0.46, 0.56) + bite - 0.8
    where = (shift**2 + 1 - bite**2) / (2 * shift)
    outer = np.degrees(np.arccos(where))
    inner = np.degrees(np.arctan2(np.sqrt(1 - where**2), where - shift))
    body = np.concatenate([arc(0, 0, 1, outer, 360 - outer), arc(shift, 0, bite, 360 - inner, inner)])
    craters = [ellipse(-0.75, rng.uniform(-0.3, 0.3), 0.09), ellipse(-0.5, 0.68, 0.07)]
    parts = tuple(Part(crater, SECOND) for crater in craters) if rng.random() < 0.5 else ()
    return Outline((body,), (), parts)


def gear(rng: Rng) -> Outline:
    """A wheel with broad teeth, a hub and a small hole."""
    teeth, root = int(rng.integers(7, 11)), rng.uniform(0.35, 0.39)
    step = 360 / teeth
    tooth = [(root, 0.0), (root, 0.44), (0.5, 0.54), (0.5, 0.9)]
    angles = np.radians([step * (k + at) for k in range(teeth) for _, at in tooth])
    radii = np.tile([radius for radius, _ in tooth], teeth)
    body = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    hole = rng.uniform(0.08, 0.13)
    return Outline((body,), (ellipse(0, 0, hole),), (Part(ellipse(0, 0, hole + 0.09), SECOND),))


def arrow(rng: Rng) -> Outline:
    """A straight arrow with a broad head."""
    half, neck = rng.uniform(0.075, 0.11), rng.uniform(0.0, 0.14)
    head = polygon((neck, -0.3), (0.5, 0), (neck, 0.3))
    shaft = rectangle(-0.5, -half, neck + 0.02, half)
    return Outline((shaft, head), (), (Part(head, SECOND),) if rng.random() < 0.5 else ())


def fish(rng: Rng) -> Outline:
    """An oval body with tail and back fin, an eye and a gill."""
    flat = rng.uniform(0.5, 0.62)
    tail = polygon((-0.22, 0), (-0.58, -0.24), (-0.5, 0), (-0.58, 0.24))
    fin = polygon((0.12, -0.3 * flat), (-0.1, -0.42 * flat - 0.08), (-0.2, -0.2 * flat))
    gill = np.concatenate([arc(0.0, 0, 0.2, -60, 60, 1.1), arc(-0.04, 0, 0.2, 60, -60, 1.1)])
    eye = ellipse(0.28, -0.06, 0.055)
    parts = (Part(tail, SECOND), Part(fin, SECOND), Part(gill, SECOND), Part(eye, THIRD))
    return Outline((ellipse(0.05, 0, 0.42, flat), tail, fin), (), parts)


def leaf(rng: Rng) -> Outline:
    """A blade pointed at both ends, with stalk, midrib and veins."""
    bulge = rng.uniform(0.2, 0.27)
    along = np.linspace(-0.5, 0.42, 30)
    half = bulge * np.sin(np.pi * (along + 0.5) / 0.92) ** 0.9 * (1 - 0.35 * along)
    blade = np.concatenate([np.stack([along, -half], 1), np.stack([along, half], 1)[::-1]])
    stalk = rectangle(-0.7, -0.024, -0.4, 0.024)
    rib = polygon((-0.5, -0.022), (0.42, 0), (-0.5, 0.022))
    veins = [
        polygon((at, 0), (at + 0.2, side * 0.24), (at + 0.23, side * 0.24), (at + 0.05, 0))
        for at in (-0.34, -0.14, 0.06)
        for side in (-1, 1)
    ]
    return Outline((blade, stalk), (), tuple(Part(points, SECOND) for points in (rib, *veins)))


def house(rng: Rng) -> Outline:
    """A wall with door and windows under a pointed roof with a chimney."""
    eaves, top = rng.uniform(0.0, 0.06), rng.uniform(-0.62, -0.5)
    wall = rectangle(-0.42, -0.12, 0.42, 0.45)
    roof = polygon((-0.44 - eaves, -0.1), (0, top), (0.44 + eaves, -0.1))
    chimney = rectangle(0.2, top + 0.02, 0.32, -0.15)
    door = rectangle(-0.1, 0.14, 0.1, 0.45)
    windows = (rectangle(-0.33, 0.03, -0.17, 0.19), rectangle(0.17, 0.03, 0.33, 0.19))
    parts = (Part(chimney, SECOND), Part(roof, SECOND), Part(door, SECOND))
    return Outline((wall, roof, chimney), (), (*parts, *(Part(window, THIRD) for window in windows)))


def bottle(rng: Rng) -> Outline:
    """A tall body with shoulders, a narrow neck with a cap, and a label."""
    half, neck = rng.uniform(0.18, 0.23), rng.uniform(0.06, 0.08)
    shoulder = rng.uniform(-0.2, -0.08)
    right = [(neck, -0.5), (neck, shoulder - 0.14), (half, shoulder + 0.04), (half, 0.46), (half - 0.04, 0.5)]
    body = polygon(*right, *((-x, y) for x, y in reversed(right)))
    cap = rectangle(-neck - 0.025, -0.54, neck + 0.025, -0.42)
    label = rectangle(-half, 0.1, half, 0.34)
    return Outline((body, cap), (), (Part(label, THIRD), Part(cap, SECOND)))


def mushroom(rng: Rng) -> Outline:
    """A spotted half-round cap on a pale stem."""
    stem, flat = rng.uniform(0.1, 0.15), rng.uniform(0.85, 1.1)
    cap = np.concatenate([arc(0, 0, 0.5, 180, 360, flat), arc(0, 0, 0.5, 0, 180, 0.16)])
    foot = polygon((-stem, 0), (stem, 0), (stem * 1.35, 0.5), (-stem * 1.35, 0.5))
    spots = [(-0.26, -0.16, 0.085), (0.02, -0.29 * flat, 0.1), (0.28, -0.14, 0.075), (0.04, -0.04, 0.06)]
    parts = (Part(foot, THIRD), Part(cap, BASE), *(Part(ellipse(*spot), SECOND) for spot in spots))
    return Outline((cap, foot), (), parts)


def key(rng: Rng) -> Outline:
    """A round bow with a hole, a shaft and two teeth."""
    bow, half = rng.uniform(0.2, 0.24), rng.uniform(0.05, 0.065)
    shaft = rectangle(-0.2, -half, 0.62, half)
    teeth = (rectangle(0.3, 0, 0.4, 0.19), rectangle(0.5, 0, 0.61, rng.uniform(0.16, 0.24)))
    hole = ellipse(-0.34, 0, bow * rng.uniform(0.48, 0.6))
    parts = (Part(ellipse(-0.34, 0, bow), SECOND),) if rng.random() < 0.5 else ()
    return Outline((ellipse(-0.34, 0, bow), shaft, *teeth), (hole,), parts)


def heart(rng: Rng) -> Outline:
    """Two round lobes above a point, at times with a highlight."""
    t = np.linspace(0, 2 * np.pi, 60)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    gleam = np.concatenate([arc(-7, -5, 6, 170, 270), arc(-7, -5, 4.3, 270, 170)])
    return Outline((np.stack([x, y], 1),), (), (Part(gleam, THIRD),) if rng.random() < 0.6 else ())


def bolt(rng: Rng) -> Outline:
    """A flash of lightning."""
    lean = rng.uniform(-0.04, 0.04)
    upper = [(0.2 + lean, -0.5), (-0.22, 0.08), (-0.01, 0.05)]
    lower = [(-0.16 - lean, 0.5), (0.26, -0.1), (0.05, -0.07)]
    return Outline((polygon(*upper, *lower),))


SHAPES = {
    "ring": Shape(ring, 180, "checks"),
    "star": Shape(star, 180, "targets"),
    "cross": Shape(cross, 180, "grid"),
    "crescent": Shape(crescent, 180, "dots"),
    "gear": Shape(gear, 180, "combs"),
    "arrow": Shape(arrow, 180, "stripes"),
    "fish": Shape(fish, 35, "scales"),
    "leaf": Shape(leaf, 180, "dashes"),
    "house": Shape(house, 20, "triangles"),
    "bottle": Shape(bottle, 40, "waves"),
    "mushroom": Shape(mushroom, 35, "patches"),
    "key": Shape(key, 180, "plain"),
    "heart": Shape(heart, 60, "zigzag"),
    "bolt": Shape(bolt, 30, "crosses"),
}
"""In the order of their class indices."""
