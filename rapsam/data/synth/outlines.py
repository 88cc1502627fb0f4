"""Outlines: what every shape of the drawn world is made of, and the curves that they share."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) corners x, y of a closed polygon; y points down."""

BASE, SECOND, THIRD = 0, 1, 2
"""Places of an object's colours."""


class Part(NamedTuple):
    """A piece of an object's surface that has a colour of its own."""

    points: Points
    colour: int


class Outline(NamedTuple):
    """An object in its own frame.

    Attributes:
        body: Polygons whose union is the object.
        holes: Polygons cut out of it.
        parts: Painted onto it in this order; what reaches beyond the body is cut off.
    """

    body: tuple[Points, ...]
    holes: tuple[Points, ...] = ()
    parts: tuple[Part, ...] = ()


def centred(outline: Outline) -> Outline:
    """Moves the middle of the bounding box to (0, 0) and scales the box to an area of 1."""
    corners = np.concatenate(outline.body)
    low, high = corners.min(0), corners.max(0)
    middle, side = (low + high) / 2, float(np.sqrt(np.prod(high - low)))
    return Outline(
        tuple((points - middle) / side for points in outline.body),
        tuple((points - middle) / side for points in outline.holes),
        tuple(Part((part.points - middle) / side, part.colour) for part in outline.parts),
    )


def polygon(*corners: tuple[float, float]) -> Points:
    """Makes a polygon of its corners."""
    return np.array(corners, np.float64)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Makes a rectangle of its sides."""
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def arc(
    x: float, y: float, radius: float, start: float, end: float, flat: float = 1.0, corners: int = 40
) -> Points:
    """Makes part of an ellipse; angles in degrees, clockwise from the right; `flat` is height to width."""
    angles = np.radians(np.linspace(start, end, corners))
    return np.stack([x + radius * np.cos(angles), y + radius * flat * np.sin(angles)], axis=1)


def ellipse(x: float, y: float, radius: float, flat: float = 1.0) -> Points:
    """Makes a whole ellipse of half width `radius`."""
    return arc(x, y, radius, 0, 360, flat)


def spokes(radii: Points, turn: float = -90.0) -> Points:
    """Makes a polygon around (0, 0) from the distances of its corners, at equal angles from `turn` on."""
    angles = np.radians(turn + 360 * np.arange(len(radii)) / len(radii))
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
