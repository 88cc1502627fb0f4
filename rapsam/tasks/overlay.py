"""Painting masks, contours and prompts into an image, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.tasks.arrays import Floats, Masks, Pixels
from rapsam.tasks.palette import WHITE, Colour, lightened

_OPACITY = 0.45
_ANCHOR_GRID = 48


class Layer(NamedTuple):
    """One mask to paint.

    Attributes:
        mask: (h, w) bool at the image's size.
        colour: R, G, B.
        captions: Texts for it, the fullest first and shorter ones for want of room; empty for none.
        is_stuff: Whether it is a material: a caption may lie on it, unlike on a thing.
    """

    mask: Masks
    colour: Colour
    captions: tuple[str, ...] = ()
    is_stuff: bool = False


def line_width(image: Pixels) -> int:
    """Returns a contour width in pixels that suits the image's size."""
    height, width = image.shape[:2]
    return max(1, round(int(max(height, width)) / 500))


def paint_masks(canvas: Pixels, layers: Sequence[Layer], width: int) -> None:
    """Tints the insides of masks and draws their contours, in place; other pixels stay as they are.

    Where masks overlap the topmost gives the tint, so that colours stay those of the layers.

    Args:
        canvas: (h, w, 3) uint8 RGB.
        layers: From the bottom to the top.
        width: Of the contours, in pixels.
    """
    free = np.ones(canvas.shape[:2], np.bool_)
    for layer in reversed(layers):
        _tint(canvas, layer.mask & free, layer.colour)
        free &= ~layer.mask
    for layer in layers:
        _outline(canvas, layer, width)


def _tint(canvas: Pixels, mask: Masks, colour: Colour) -> None:
    rows, columns = _extent(mask, 1), _extent(mask, 0)
    if rows is None or columns is None:
        return
    inside, patch = mask[rows, columns], canvas[rows, columns]
    ink = np.asarray(colour, np.float32) * np.float32(_OPACITY)
    patch[inside] = (patch[inside] * np.float32(1 - _OPACITY) + ink + 0.5).astype(np.uint8)


def _outline(canvas: Pixels, layer: Layer, width: int) -> None:
    rows, columns = _extent(layer.mask, 1), _extent(layer.mask, 0)
    if rows is None or columns is None:
        return
    around = (
        slice(max(rows.start - 1, 0), rows.stop + 1),
        slice(max(columns.start - 1, 0), columns.stop + 1),
    )
    canvas[around][contour(layer.mask[around], width)] = lightened(layer.colour)


def contour(mask: Masks, width: int) -> Masks:
    """Finds the pixels of a mask within `width` pixels of its outside; the frame is no outside."""
    inner = mask
    for _ in range(width):
        inner = _eroded(inner)
    return mask & ~inner


def anchor(mask: Masks) -> tuple[int, int]:
    """Finds a point x, y deep inside a mask: where repeated erosion of a coarse copy ends.

    Args:
        mask: (h, w) bool with at least one pixel.
    """
    rows, columns = _extent(mask, 1), _extent(mask, 0)
    if rows is None or columns is None:
        raise ValueError("an empty mask has no inside")
    step = max(1, max(rows.stop - rows.start, columns.stop - columns.start) // _ANCHOR_GRID)
    # Padding makes the image's frame count as outside: captions keep clear of it.
    coarse = np.pad(mask[rows, columns][::step, ::step], 1)
    if not coarse.any():
        step, coarse = 1, np.pad(mask[rows, columns], 1)
    inner = coarse
    while inner.any():
        coarse, inner = inner, _eroded(inner)
    y, x = np.argwhere(coarse)[np.count_nonzero(coarse) // 2]
    return columns.start + (int(x) - 1) * step, rows.start + (int(y) - 1) * step


def paint_point(
    canvas: Pixels, x: float, y: float, radius: float, colour: Colour, *, hollow: bool = False
) -> None:
    """Draws a smooth disc with a white rim, or a hollow one in white with a rim, in place; x, y in pixels."""
    reach = int(radius) + 3
    rows = slice(max(int(y) - reach, 0), int(y) + reach + 1)
    columns = slice(max(int(x) - reach, 0), int(x) + reach + 1)
    patch = canvas[rows, columns]
    down, across = np.ogrid[: patch.shape[0], : patch.shape[1]]
    distance = np.hypot(down + rows.start - y, across + columns.start - x)
    rim, inside = (colour, WHITE) if hollow else (WHITE, colour)
    _blend(patch, np.clip(radius + 0.5 - distance, 0, 1), rim)
    _blend(patch, np.clip(radius * 0.7 + 0.5 - distance, 0, 1), inside)


def paint_box(canvas: Pixels, box: Floats, width: int, colour: Colour) -> None:
    """Draws a rectangle x1, y1, x2, y2 with a white rim, in place; the line lies inside the box."""
    for inset, line, paint in ((0, width + 2, WHITE), (1, width, colour)):
        x1, y1, x2, y2 = (round(float(side)) for side in box)
        # A box of less than two pixels leaves nothing within its rim; an end below 0 would count from behind.
        x1, y1, x2, y2 = x1 + inset, y1 + inset, max(x2 - inset, 0), max(y2 - inset, 0)
        canvas[y1 : min(y1 + line, y2), x1:x2] = paint
        canvas[max(y2 - line, y1) : y2, x1:x2] = paint
        canvas[y1:y2, x1 : min(x1 + line, x2)] = paint
        canvas[y1:y2, max(x2 - line, x1) : x2] = paint


def _blend(patch: Pixels, coverage: npt.NDArray[np.float64], colour: Colour) -> None:
    share = coverage[..., None]
    patch[:] = (patch * (1 - share) + np.asarray(colour) * share + 0.5).astype(np.uint8)


def _eroded(mask: Masks) -> Masks:
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


def _extent(mask: Masks, axis: int) -> slice | None:
    filled = np.flatnonzero(mask.any(axis=axis))
    return slice(int(filled[0]), int(filled[-1]) + 1) if len(filled) else None
