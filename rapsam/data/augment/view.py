"""Where a training crop lies in its image: resize, flip and crop in one step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.tasks.arrays import Masks, Pixels
from rapsam.tasks.geometry import Size
from rapsam.tasks.resize import axis_taps, resize_part


class View(NamedTuple):
    """A crop of an image that was mirrored and resized first.

    Attributes:
        resized: (height, width) of the whole image after the resize.
        top: First row of the crop.
        left: First column of the crop.
        crop: (height, width) of the crop; the image may end before.
        mirrored: Whether left and right were exchanged.
    """

    resized: Size
    top: int
    left: int
    crop: Size
    mirrored: bool

    @property
    def content(self) -> Size:
        """(height, width) of the part of the crop that the image covers, at its top left."""
        return (
            min(self.crop[0], self.resized[0] - self.top),
            min(self.crop[1], self.resized[1] - self.left),
        )


def resized_by(original: Size, base: Size, factor: float) -> Size:
    """Returns the size of an image that fits `base` times a factor, aspect ratio kept.

    As in the published recipe, the longer side answers to the longer side of the base.
    """
    limits = sorted(base)
    scale = factor * min(limits[1] / max(original), limits[0] / min(original))
    return max(1, int(original[0] * scale + 0.5)), max(1, int(original[1] * scale + 0.5))


def random_view(rng: np.random.Generator, resized: Size, crop: Size, *, mirrored: bool) -> View:
    """Draws the place of a crop, uniformly, in an image of this size."""
    top = int(rng.integers(0, max(0, resized[0] - crop[0]) + 1))
    left = int(rng.integers(0, max(0, resized[1] - crop[1]) + 1))
    return View(resized, top, left, crop, mirrored)


def view_image(image: Pixels, view: View) -> Pixels:
    """Cuts an image (h, w, 3) uint8: (content height, content width, 3), bilinear."""
    rows, columns = _place(view)
    part = resize_part(image, view.resized, rows, columns)
    return np.ascontiguousarray(part[:, ::-1]) if view.mirrored else part


def view_masks(masks: Masks, view: View) -> Masks:
    """Cuts masks (N, h, w) bool: (N, content height, content width), nearest pixel."""
    rows, columns = _place(view)
    ys = _nearest(masks.shape[1], view.resized[0])[rows]
    xs = _nearest(masks.shape[2], view.resized[1])[columns]
    part = masks[:, ys][:, :, xs]
    return np.ascontiguousarray(part[:, :, ::-1]) if view.mirrored else part


def _place(view: View) -> tuple[slice, slice]:
    """Rows and columns of the content in the resized image before it is mirrored."""
    height, width = view.content
    left = view.resized[1] - view.left - width if view.mirrored else view.left
    return slice(view.top, view.top + height), slice(left, left + width)


def _nearest(source: int, target: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Source pixel of each target pixel: the one whose weight in the bilinear resize is larger."""
    taps = axis_taps(source, target)
    return np.where(taps.weight < 0.5, taps.lower, taps.upper)
