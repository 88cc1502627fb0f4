"""Drawing polygons with smooth edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from rapsam.data.synth.outlines import Points
from rapsam.tasks.arrays import Floats

_FINE = 4
"""Sub-pixels per side of a pixel."""


class Box(NamedTuple):
    """A rectangle of pixels; it may reach beyond the picture."""

    left: int
    top: int
    width: int
    height: int

    def clipped(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Returns its rows and columns in a picture of (height, width); empty slices if it is outside."""
        rows = slice(max(self.top, 0), max(min(self.top + self.height, size[0]), 0))
        return rows, slice(max(self.left, 0), max(min(self.left + self.width, size[1]), 0))

    def inside(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Returns the rows and columns of the box that lie in a picture of (height, width)."""
        rows, columns = self.clipped(size)
        return (
            slice(rows.start - self.top, max(rows.stop, rows.start) - self.top),
            slice(columns.start - self.left, max(columns.stop, columns.start) - self.left),
        )


def box_around(polygons: Sequence[Points], margin: int) -> Box:
    """Returns the box of all corners, wider by a margin on each side."""
    corners = np.concatenate(polygons)
    left, top = (math.floor(side) - margin for side in corners.min(0))
    right, bottom = (math.ceil(side) + margin for side in corners.max(0))
    return Box(left, top, right - left, bottom - top)


class Sheet:
    """A grey picture of a box at sub-pixel resolution."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._image = Image.new("L", (box.width * _FINE, box.height * _FINE))
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, points: Points, shade: int) -> None:
        """Fills a polygon given in pixels of the picture."""
        self._draw.polygon(self._fine(points), fill=shade)

    def line(self, points: Points, width: float) -> None:
        """Draws the closed border of a polygon, `width` pixels wide, in white."""
        fine = self._fine(points)
        self._draw.line([*fine, *fine[:4]], fill=255, width=max(round(width * _FINE), 1), joint="curve")

    def coverage(self) -> Floats:
        """Returns the mean of each pixel, 0..1."""
        return np.asarray(self._image.reduce(_FINE), np.float32) / np.float32(255)

    def _fine(self, points: Points) -> list[float]:
        # Pillow cuts to whole numbers and fills the pixels of the border too: on average a border lies half a
        # sub-pixel further out than it should, on all sides alike.
        moved = (points - (self._box.left, self._box.top)) * _FINE
        return [float(value) for value in moved.ravel()]
