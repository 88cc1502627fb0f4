"""Prompts for training: which masks, where the click lies, and how far boxes are off."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from rapsam.data.mask_depth import mask_depth
from rapsam.tasks.arrays import Floats, Indices, Masks
from rapsam.tasks.geometry import Size
from rapsam.tasks.instances import tight_box
from rapsam.tasks.prompt import POINT_RADIUS

Clicks = Literal["any", "inner"]
"""Where a mask is clicked: on any of its pixels, or on one at least half as deep as the deepest."""
CENTRE_NOISE = 0.01 * 0.4 / 2
"""Largest shift of a centre, in widths or heights of the box (the published noise scale)."""
SIZE_NOISE = 0.01 * 0.4
"""Largest relative change of width and height."""


class SampledPrompts(NamedTuple):
    """Prompts on an image.

    Attributes:
        boxes: (K, 4) float32 x1, y1, x2, y2 in fractions of the unpadded image.
        targets: (K,) int64 index of the mask that each prompt wants.
    """

    boxes: Floats
    targets: Indices


def sample_prompts(
    rng: np.random.Generator,
    masks: Masks,
    may_be_box: Masks,
    count: int,
    box_share: float,
    clicks: Clicks = "any",
) -> SampledPrompts:
    """Draws prompts: masks in random order, repeated to fill the count.

    Args:
        rng: Draws.
        masks: (N, h, w) bool on the unpadded image, none empty, N at least 1.
        may_be_box: (N,) bool, masks that a box may prompt.
        count: K.
        box_share: Probability that such a mask is prompted by its box.
        clicks: Where the others are clicked.
    """
    order = rng.permutation(len(masks))
    targets = np.resize(order, count).astype(np.int64)
    size = (masks.shape[1], masks.shape[2])
    boxes = [
        _box(masks[target])
        if may_be_box[target] and rng.random() < box_share
        else _click(rng, masks[target], clicks)
        for target in targets
    ]
    return SampledPrompts(_noisy(rng, _fractions(np.array(boxes), size)), targets)


def click_in(rng: np.random.Generator, mask: Masks, clicks: Clicks) -> tuple[int, int]:
    """Draws a pixel x, y of a mask (h, w) that is not empty."""
    pixels = np.flatnonzero(_inner(mask) if clicks == "inner" else mask)
    y, x = divmod(int(rng.choice(pixels)), mask.shape[1])
    return x, y


def _click(rng: np.random.Generator, mask: Masks, clicks: Clicks) -> list[float]:
    x, y = click_in(rng, mask, clicks)
    return [x - POINT_RADIUS, y - POINT_RADIUS, x + POINT_RADIUS, y + POINT_RADIUS]


def _inner(mask: Masks) -> Masks:
    depth = mask_depth(mask)
    return np.asarray(2 * depth >= depth.max(), np.bool_)


def _box(mask: Masks) -> list[float]:
    return [float(side) for side in tight_box(mask)]


def _fractions(boxes: np.ndarray[tuple[int, int], np.dtype[np.float64]], size: Size) -> Floats:
    height, width = size
    return np.asarray(boxes / np.array([width, height, width, height]), np.float32)


def _noisy(rng: np.random.Generator, boxes: Floats) -> Floats:
    """Moves and stretches boxes (K, 4), then keeps centre and size within 0..1, as published."""
    corner_1, corner_2 = boxes[:, :2], boxes[:, 2:]
    centre, size = (corner_1 + corner_2) / 2, corner_2 - corner_1
    centre = centre + rng.uniform(-1, 1, centre.shape) * size * CENTRE_NOISE
    size = size * (1 + rng.uniform(-1, 1, size.shape) * SIZE_NOISE)
    centre, size = np.clip(centre, 0, 1), np.clip(size, 0, 1)
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)
