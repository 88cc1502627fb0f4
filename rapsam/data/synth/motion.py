"""How things and the camera move: smoothly, for any number of frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.data.synth.noise import Rng, Size
from rapsam.data.synth.scene import Placed
from rapsam.data.synth.shapes import SHAPES
from rapsam.data.synth.things import Pose

PAN = 0.1
"""How far the camera moves from the middle at most, of the short side."""

_STILL = 0.2
"""Share of the things that stand on the ground."""

_FASTEST = 0.04
"""Speed per frame, of the short side."""

_NAMES = tuple(SHAPES)


class Motion(NamedTuple):
    """The path of a thing: a straight line with a swing in place, angle and size.

    Attributes:
        speed: (x, y) pixels per frame.
        sway: (x, y) pixels of the swing.
        turn: Radians of the swing.
        growth: Logarithm of the factor of size of the swing.
        rate: Radians of the swing per frame.
        phase: Its start.
    """

    speed: tuple[float, float]
    sway: tuple[float, float]
    turn: float
    growth: float
    rate: float
    phase: float


class Pan(NamedTuple):
    """The path of the camera: a swing on each axis.

    Attributes:
        reach: (2,) pixels to either side, x and y.
        rate: (2,) radians per frame.
        phase: (2,) its start.
    """

    reach: tuple[float, float]
    rate: tuple[float, float]
    phase: tuple[float, float]


def any_motion(rng: Rng, placed: Placed, picture: tuple[Size, float]) -> Motion:
    """Draws a path.

    Args:
        rng: Random numbers.
        placed: The thing at its start.
        picture: Height and width of the picture, and its distance from the border of the backdrop.
    """
    (height, width), edge = picture
    short = min(height, width)
    # All numbers are drawn for every thing, so that one that stands still changes no other.
    pace, direction = short * _FASTEST * rng.random(), rng.uniform(0, 2 * np.pi)
    sway, turn, growth = rng.uniform(-0.02, 0.02, 2) * short, rng.uniform(-1, 1), rng.uniform(-0.25, 0.25)
    rate, phase, still = rng.uniform(0.1, 0.35), rng.uniform(0, 2 * np.pi), rng.random() < _STILL
    if still:
        return Motion((0, 0), (0, 0), 0, 0, 0, 0)
    x, y = pace * np.cos(direction), pace * np.sin(direction)
    return Motion(
        speed=(_inwards(x, placed.pose.x - edge, width), _inwards(y, placed.pose.y - edge, height)),
        sway=(float(sway[0]), float(sway[1])),
        turn=float(turn * np.radians(min(SHAPES[_NAMES[placed.thing.class_index]].max_turn / 2, 45))),
        growth=float(growth),
        rate=float(rate),
        phase=float(phase),
    )


def any_pan(rng: Rng, size: Size) -> Pan:
    """Draws the path of a camera; a third of them stand still."""
    reach = np.zeros(2) if rng.random() < 1 / 3 else rng.uniform(0.2, 1, 2) * PAN * min(size)
    rate, phase = rng.uniform(0.03, 0.2, 2), rng.uniform(0, 2 * np.pi, 2)
    return Pan(tuple(reach), tuple(rate), tuple(phase))


def pose_at(start: Pose, motion: Motion, frame: int) -> Pose:
    """Returns where a thing is in a frame; in frame 0 it is at its start."""
    swing = float(np.sin(motion.phase + motion.rate * frame) - np.sin(motion.phase))
    return start._replace(
        x=start.x + motion.speed[0] * frame + motion.sway[0] * swing,
        y=start.y + motion.speed[1] * frame + motion.sway[1] * swing,
        side=start.side * float(np.exp(motion.growth * swing)),
        angle=start.angle + motion.turn * swing,
    )


def camera_at(pan: Pan, frame: int) -> tuple[float, float]:
    """Returns how far the camera is from the middle of the backdrop, x and y in pixels."""
    x, y = np.array(pan.reach) * np.sin(np.array(pan.phase) + np.array(pan.rate) * frame)
    return float(x), float(y)


def _inwards(speed: float, at: float, side: int) -> float:
    """Turns the speed of what starts outside the picture so that it comes in."""
    return float(abs(speed) if at < 0 else -abs(speed) if at > side else speed)
