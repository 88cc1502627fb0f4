"""Captions of masks: inside where there is room, else beside the thing, never over one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from rapsam.tasks.arrays import Floats, Masks, Pixels
from rapsam.tasks.overlay import Layer, anchor
from rapsam.tasks.palette import Colour, text_colour

_SMALLEST_SHARE = 0.0012
"""Masks with a smaller share of the image get no caption."""
_LARGEST_SHARE = 0.08
"""A caption with a larger share of the image is not written: in small images it would hide too much."""
_ROOMY = 5.0
"""A thing of this many times a caption's pixels can bear it inside."""
_FARTHEST = 4.0
"""Heights of a caption between it and its mask, at most."""
_MOST_COVERED = 0.5
"""Share of a caption that may lie on other things."""
_GRID = 128
"""Cells along the longer side of the image in which places are searched."""
_SMALL_TEXT_PX, _LARGE_TEXT_PX = 11.0, 72.0
_COVERING, _LEAVING, _DISTANCE, _ASIDE = 3.0, 1.0, 0.25, 0.1
"""Costs of covering a thing, of leaving a roomy mask, of a height's distance to it, and to its middle."""

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class _Caption(NamedTuple):
    """A text in a rectangle in pixels, ends exclusive, and the point x, y of the mask that it speaks of."""

    text: str
    colour: Colour
    left: int
    top: int
    right: int
    bottom: int
    target: tuple[int, int] | None

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def rim(self) -> int:
        return max(1, (self.bottom - self.top) // 16)


def write_captions(canvas: Pixels, layers: Sequence[Layer]) -> Pixels:
    """Writes the captions of layers, those of small masks first, as they have the least choice of places.

    A caption too wide for the free places nearby gives way to the layer's next shorter one; where there is
    none, it is left out.

    Args:
        canvas: (h, w, 3) uint8 RGB.
        layers: From the bottom to the top.

    Returns:
        A new (h, w, 3) uint8 image.
    """
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = _font(float(np.clip(min(canvas.shape[:2]) / 28, _SMALL_TEXT_PX, _LARGE_TEXT_PX)))
    smallest = max(1.0, _SMALLEST_SHARE * canvas.shape[0] * canvas.shape[1])
    areas = [int(np.count_nonzero(layer.mask)) if layer.captions else 0 for layer in layers]
    board = _Board(layers, canvas.shape[:2])
    captions = []
    for number in sorted(range(len(layers)), key=lambda number: areas[number]):
        if areas[number] >= smallest:
            caption = _placed(pen, font, layers[number], board, number)
            captions += [caption] if caption else []
    for caption in captions:
        _draw_leader(pen, caption)
    for caption in captions:
        _write_text(pen, font, caption)
    return np.array(picture)


def _placed(
    pen: ImageDraw.ImageDraw, font: _Font, layer: Layer, board: _Board, number: int
) -> _Caption | None:
    # "Ag" has the tallest and the deepest letter: all captions get the same height.
    _, highest, _, lowest = pen.textbbox((0, 0), "Ag", font=font)
    margin = max(2, round((lowest - highest) / 4))
    for text in layer.captions:
        width = round(pen.textlength(text, font=font)) + 2 * margin
        caption = board.take(number, text, width, round(lowest - highest) + 2 * margin)
        if caption is not None:
            return caption
    return None


class _Board:
    """Where captions may still be written, in cells of several pixels."""

    def __init__(self, layers: Sequence[Layer], size: tuple[int, ...]) -> None:
        self._layers = layers
        self._size = size
        self._step = max(1, -(-max(size) // _GRID))
        self._masks = [_coarse(layer.mask, self._step) if layer.captions else None for layer in layers]
        cells = (-(-size[0] // self._step), -(-size[1] // self._step))
        self._taken = np.zeros(cells, np.bool_)
        self._things = np.zeros(cells, np.bool_)
        for layer, mask in zip(layers, self._masks, strict=True):
            if mask is not None and not layer.is_stuff:
                self._things |= mask

    def take(self, number: int, text: str, width: int, height: int) -> _Caption | None:
        """Finds the best place for a caption of a layer and takes it; None where there is none."""
        layer, mask = self._layers[number], self._masks[number]
        rows, columns = -(-height // self._step), -(-width // self._step)
        is_large = width * height > _LARGEST_SHARE * self._size[0] * self._size[1]
        if mask is None or is_large or height > self._size[0] or width > self._size[1]:
            return None
        own = _window_share(mask, rows, columns)
        roomy = layer.is_stuff or np.count_nonzero(mask) >= _ROOMY * rows * columns
        covered = _window_share(self._things & ~mask, rows, columns)
        distance = _distance(mask, rows, columns) / rows
        x, y = anchor(layer.mask)
        down, across = np.ogrid[: own.shape[0], : own.shape[1]]
        aside = np.hypot(
            (down + rows / 2 - y / self._step) / rows, (across + columns / 2 - x / self._step) / columns
        )
        cost = _COVERING * covered + _DISTANCE * distance + _ASIDE * aside
        cost += _LEAVING * (1 - own) if roomy else _COVERING * own
        impossible = (distance > _FARTHEST) | (covered > _MOST_COVERED)
        cost[impossible | (_window_share(self._taken, rows, columns) > 0)] = np.inf
        top, left = (int(part) for part in np.unravel_index(cost.argmin(), cost.shape))
        if not np.isfinite(cost[top, left]):
            return None
        self._taken[top : top + rows, left : left + columns] = True
        x = min(left * self._step, self._size[1] - width)
        y = min(top * self._step, self._size[0] - height)
        is_apart = distance[top, left] * rows > 1
        target = _nearest(layer.mask, x + width / 2, y + height / 2) if is_apart else None
        return _Caption(text, layer.colour, x, y, x + width, y + height, target)


def _nearest(mask: Masks, x: float, y: float) -> tuple[int, int]:
    """Finds the pixel x, y of a mask that is nearest to a point."""
    down, across = np.nonzero(mask)
    place = np.hypot(down - y, across - x).argmin()
    return int(across[place]), int(down[place])


def _draw_leader(pen: ImageDraw.ImageDraw, caption: _Caption) -> None:
    if caption.target is not None:
        line = (*caption.middle, *caption.target)
        pen.line(line, fill=text_colour(caption.colour), width=3 * caption.rim)
        pen.line(line, fill=caption.colour, width=caption.rim)


def _write_text(pen: ImageDraw.ImageDraw, font: _Font, caption: _Caption) -> None:
    ink, height = text_colour(caption.colour), caption.bottom - caption.top
    box = (caption.left, caption.top, caption.right - 1, caption.bottom - 1)
    # A rim of the text's colour sets the caption off from a mask of its own colour.
    pen.rounded_rectangle(box, radius=height // 4, fill=caption.colour, outline=ink, width=caption.rim)
    pen.text(caption.middle, caption.text, font=font, fill=ink, anchor="mm")


def _coarse(mask: Masks, step: int) -> Masks:
    """Returns cells of step x step pixels: true where any pixel is."""
    if step == 1:
        return mask
    rows = np.logical_or.reduceat(mask, range(0, mask.shape[0], step), axis=0)
    return np.asarray(np.logical_or.reduceat(rows, range(0, mask.shape[1], step), axis=1), np.bool_)


def _distance(mask: Masks, rows: int, columns: int) -> Floats:
    """Returns the cells between a mask and every window of rows x columns, by its top left cell."""
    nearest = ndimage.minimum_filter(ndimage.distance_transform_edt(~mask), size=(rows, columns))
    top, left = rows // 2, columns // 2
    windows = nearest[top : top + mask.shape[0] - rows + 1, left : left + mask.shape[1] - columns + 1]
    return np.asarray(windows, np.float32)


def _window_share(mask: Masks, rows: int, columns: int) -> Floats:
    """Returns the share of true cells in every window of rows x columns, by its top left cell."""
    sums = np.pad(mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32), ((1, 0), (1, 0)))
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    return np.asarray(inside / (rows * columns), np.float32)


@cache
def _font(size: float) -> _Font:
    return ImageFont.load_default(size=size)
