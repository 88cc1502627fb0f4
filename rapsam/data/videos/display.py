"""From stored frames to displayed ones: square pixels, then the whole display matrix."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import cast

from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame

from rapsam.data.limits import check_size
from rapsam.data.orientation import Orientation
from rapsam.data.videos.streams import damaged
from rapsam.errors import InputError
from rapsam.tasks.arrays import Pixels

_NEAR = 0.9
"""Cosine to the nearest of the eight orientations: a turn by up to 25 degrees more is ignored."""


class Display:
    """How the frames of a video are shown; all must be stored like the first one.

    Args:
        path: The file, for errors.
        first: The first frame.
        aspect: Width of a stored pixel by its height; None for square ones.

    Raises:
        InputError: If the frames, shown with square pixels, are too small or too large.
    """

    def __init__(self, path: Path, first: VideoFrame, aspect: Fraction | None) -> None:
        check_size(path, first.width, first.height)
        self._path = path
        self._stored = (first.width, first.height)
        self._width, self._height = _with_square_pixels(first.width, first.height, aspect or Fraction(1))
        check_size(path, self._width, self._height)

    def pixels(self, frame: VideoFrame, number: int) -> Pixels:
        """Converts a frame.

        Args:
            frame: As decoded.
            number: Its place from 1, for errors.

        Returns:
            (height, width, 3) uint8 RGB.

        Raises:
            InputError: If it is not as large as the first frame, or its matrix is none of a picture.
            MemoryLimitError: If there is too little memory for it.
        """
        # Before the conversion: a frame may be far larger than the header of the video says.
        if (frame.width, frame.height) != self._stored:
            width, height = self._stored
            raise InputError(
                f"{self._path} changes its size at frame {number}, from {width}x{height} to "
                f"{frame.width}x{frame.height} px; expected one size: cut it there, or encode it anew"
            )
        orientation = self._orientation(frame)
        try:
            pixels = frame.to_ndarray(format="rgb24", width=self._width, height=self._height)
            return orientation.applied(cast(Pixels, pixels))
        except Exception as error:
            raise damaged(self._path, number - 1, error) from error

    def _orientation(self, frame: VideoFrame) -> Orientation:
        matrix = cast(SideData | None, frame.side_data.get(Type.DISPLAYMATRIX.name))
        orientation = Orientation() if matrix is None else nearest_orientation(bytes(matrix))
        if orientation is None:
            raise InputError(
                f"{self._path} is to be shown turned by an odd angle or sheared; expected quarter turns and "
                "mirroring only: turn it upright with a video editor first"
            )
        return orientation


def nearest_orientation(matrix: bytes) -> Orientation | None:
    """Finds the orientation of a display matrix.

    Args:
        matrix: Nine native 32-bit integers, row by row, by which FFmpeg multiplies (x, y, 1) of a stored
            pixel from the left to get the place where it is shown; y points down. Its scale and shift
            say nothing about a picture shown alone. All zeros, which some programs write, mean upright.

    Returns:
        The nearest of the eight; None if none is near, as for a turn by 45 degrees.
    """
    a, b, _, c, d = struct.unpack("=9i", matrix[:36])[:5]
    length = math.hypot(a, b, c, d)
    if length == 0:
        return Orientation()
    overlaps = {
        Orientation(transposed, rows, columns): _overlap((a, b, c, d), transposed, rows, columns)
        for transposed, rows, columns in product((False, True), repeat=3)
    }
    best = max(overlaps, key=lambda orientation: overlaps[orientation])
    return best if overlaps[best] >= _NEAR * length * math.sqrt(2) else None


def _overlap(matrix: tuple[int, int, int, int], transposed: bool, rows: bool, columns: bool) -> int:
    a, b, c, d = matrix
    to_column, to_row = (c, b) if transposed else (a, d)
    return (-to_column if columns else to_column) + (-to_row if rows else to_row)


def _with_square_pixels(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Stretches the side that is squeezed, as players do, so that no stored pixel is lost."""
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)
