"""Things: an outline with a surface, and how it is put somewhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.data.synth.colours import distinct_colour
from rapsam.data.synth.noise import Rng
from rapsam.data.synth.outlines import Outline, centred
from rapsam.data.synth.patterns import Pattern, any_pattern
from rapsam.data.synth.shapes import SHAPES
from rapsam.tasks.arrays import Floats

_NAMES = tuple(SHAPES)


class Pose(NamedTuple):
    """Where a thing is and how it is turned.

    Attributes:
        x: Middle in pixels.
        y: Middle in pixels.
        side: Pixels of the side of a square as large as its bounding box.
        angle: Radians, clockwise.
        stretch: Width to height, against its outline.
        flip: -1 mirrors left and right, else 1.
    """

    x: float
    y: float
    side: float
    angle: float
    stretch: float
    flip: int


class Thing(NamedTuple):
    """An object, wherever it is.

    Attributes:
        class_index: Place of its class in `SHAPES`.
        outline: In its own frame.
        colours: (3, 3) RGB of `BASE`, `SECOND`, `THIRD`.
        pattern: Its surface.
        border: Width of a drawn border in sides, 0 for none.
        border_colour: (3,) RGB.
        relief: How round it looks, 0..1.
    """

    class_index: int
    outline: Outline
    colours: Floats
    pattern: Pattern
    border: float
    border_colour: Floats
    relief: float


def any_thing(rng: Rng, side: float, unit: float, behind: Floats) -> Thing:
    """Draws a thing of any class.

    Args:
        rng: Random numbers.
        side: Its size in pixels.
        unit: Pixels of a unit of the picture.
        behind: (3,) mean colour of the place where it will be.
    """
    class_index = int(rng.integers(len(SHAPES)))
    shape = SHAPES[_NAMES[class_index]]
    outline = centred(shape.draw(rng))
    base = distinct_colour(rng, behind)
    second = distinct_colour(rng, base)
    third = distinct_colour(rng, base, second)
    dark = np.float32(rng.choice([0.15, 0.4, 1.5]))
    return Thing(
        class_index,
        outline,
        np.stack([base, second, third]),
        any_pattern(rng, shape.pattern, side, unit),
        float(rng.uniform(0.02, 0.05)) if rng.random() < 0.35 else 0.0,
        np.clip(base * dark + (dark > 1) * np.float32(0.2), 0, 1),
        float(rng.uniform(0.1, 0.9)),
    )


def any_pose(rng: Rng, thing_class: int, x: float, y: float, side: float) -> Pose:
    """Draws how a thing of a class is turned at a place."""
    turn = np.radians(SHAPES[_NAMES[thing_class]].max_turn)
    angle, stretch = rng.uniform(-turn, turn), np.exp(rng.uniform(-0.22, 0.22))
    return Pose(x, y, side, float(angle), float(stretch), 1 if rng.random() < 0.5 else -1)
