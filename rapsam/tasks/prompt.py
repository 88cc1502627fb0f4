"""Geometry of prompts: from clicks and boxes on a photograph to boxes, and from mask logits to masks on it.

For networks that know boxes only, a point is a small box.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Masks
from rapsam.tasks.geometry import ImageGeometry, Size
from rapsam.tasks.logits import check_finite
from rapsam.tasks.resize import enlarged_blocks

POINT_RADIUS = 3.0
"""A point of RAP-SAM is a box that reaches this many pixels of the network's image to every side."""


def point_to_box(points: Floats, radius: float = POINT_RADIUS) -> Floats:
    """Turns (K, 2) points x, y into (K, 4) boxes x1, y1, x2, y2; both in pixels of the network's image.

    Near the border a box reaches outside the image. It must: the network reads centre and size, and
    clipping would move the centre.
    """
    return np.asarray(np.concatenate([points - radius, points + radius], axis=1), np.float32)


def prompt_boxes(
    points: Sequence[Sequence[float]],
    boxes: Sequence[Sequence[float]],
    geometry: ImageGeometry,
    point_radius: float = POINT_RADIUS,
) -> Floats:
    """Checks prompts and brings them to the network's image.

    Args:
        points: Pairs x, y in pixels of the original image, 0 <= x < w0 and 0 <= y < h0.
        boxes: x1, y1, x2, y2 in pixels of the original image, 0 <= x1 < x2 <= w0 and the same for y.
        geometry: Sizes of the image.
        point_radius: In pixels of the network's image; see `POINT_RADIUS`.

    Returns:
        (K, 4) float32 boxes in pixels of the resized, unpadded image: points first, then boxes.

    Raises:
        InputError: If there is no prompt, or one is malformed or outside the image.
    """
    if len(points) + len(boxes) == 0:
        raise InputError("no prompt given; expected at least one point x,y or one box x1,y1,x2,y2")
    for point in points:
        check_point(point, geometry.original_size)
    for box in boxes:
        check_box(box, geometry.original_size)
    scale = np.asarray(geometry.scale_xy)
    from_points = point_to_box((np.reshape(points, (-1, 2)) * scale).astype(np.float32), point_radius)
    from_boxes = np.reshape(boxes, (-1, 4)) * np.tile(scale, 2)
    return np.asarray(np.concatenate([from_points, from_boxes]), np.float32)


def normalised_boxes(boxes: Floats, geometry: ImageGeometry) -> Floats:
    """Makes the input of the deployed prompt graph.

    Args:
        boxes: (K, 4) float32 in pixels of the resized, unpadded image, as `prompt_boxes` gives them.
        geometry: Sizes of the image.

    Returns:
        (1, K, 4) float32 x1, y1, x2, y2 as fractions of the unpadded image's width and height: 0..1,
        but for points near the border, whose boxes reach up to 3 pixels outside.
    """
    height, width = geometry.content_size
    return (boxes / np.array([width, height, width, height], np.float32))[None].astype(np.float32)


def interactive_masks(mask_logits: Floats, geometry: ImageGeometry) -> Masks:
    """Cuts one mask per prompt out of the mask logits.

    Args:
        mask_logits: (K, h, w) float32 at any stride of the padded input.
        geometry: Sizes of the image.

    Returns:
        (K, h0, w0) bool at the original size: true where the enlarged logit is above 0.

    Raises:
        InputError: If the mask logits have another shape or are not finite.
    """
    if mask_logits.ndim != 3 or 0 in mask_logits.shape:
        raise InputError(f"mask logits have the shape {list(mask_logits.shape)}; expected (prompts, h, w)")
    check_finite("mask logits", mask_logits)
    masks = np.zeros((len(mask_logits), *geometry.original_size), np.bool_)
    for mask, logits in zip(masks, mask_logits, strict=True):
        for block in enlarged_blocks(logits, geometry, above=0):
            np.greater(block.values, 0, out=mask[block.place])
    return masks


def check_point(point: Sequence[float], size: Size) -> None:
    """Raises `InputError` unless this is a point x, y in an image of this height and width."""
    height, width = size
    if len(point) != 2 or not all(np.isfinite(point)):
        raise InputError(f"point {_written(point)} is not a pair of numbers; expected x,y in pixels")
    x, y = point
    if not (0 <= x < width and 0 <= y < height):
        raise InputError(
            f"point {_written(point)} is outside the image; expected 0 <= x < {width} and 0 <= y < {height}"
        )


def check_box(box: Sequence[float], size: Size) -> None:
    """Raises `InputError` unless this is a box x1, y1, x2, y2 in an image of this height and width."""
    height, width = size
    if len(box) != 4 or not all(np.isfinite(box)):
        raise InputError(f"box {_written(box)} is not four numbers; expected x1,y1,x2,y2 in pixels")
    x1, y1, x2, y2 = box
    if x2 <= x1 or y2 <= y1:
        raise InputError(f"box {_written(box)} is empty; expected x1 < x2 and y1 < y2")
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        raise InputError(
            f"box {_written(box)} leaves the image; expected x within 0..{width} and y within 0..{height}"
        )


def _written(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
