"""Pictures of results: masks, contours, captions and prompts over the photograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rapsam.errors import InputError
from rapsam.tasks.arrays import Indices, Masks, Pixels
from rapsam.tasks.instances import InstanceResult
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.overlay import Layer, anchor, line_width, paint_box, paint_mask, paint_point
from rapsam.tasks.palette import class_colour, text_colour
from rapsam.tasks.panoptic import INSTANCE_STEP, PanopticResult
from rapsam.tasks.preprocess import check_rgb

_CAPTION_SHARE = 0.0012
"""Masks with a smaller share of the image get no caption."""

Rectangle = tuple[int, int, int, int]


def draw_panoptic(image: Pixels, result: PanopticResult, labels: LabelSet) -> Pixels:
    """Draws a panoptic result; void pixels stay as they are.

    Args:
        image: (h0, w0, 3) uint8 RGB, the original.
        result: Of the same size.
        labels: Names of the classes.

    Returns:
        A new (h0, w0, 3) uint8 image.

    Raises:
        InputError: If sizes or class indices do not fit.
    """
    _check(image, result.panoptic_map.shape, labels, [found.class_index for found in result.segments])
    layers = [
        Layer(
            mask=result.panoptic_map == found.id,
            colour=class_colour(found.class_index, max(found.id // INSTANCE_STEP - 1, 0)),
            caption=labels.labels[found.class_index].name,
        )
        for found in result.segments
    ]
    return _draw(image, layers)


def draw_instances(
    image: Pixels, result: InstanceResult, labels: LabelSet, track_ids: Indices | None = None
) -> Pixels:
    """Draws instances, the best on top.

    Args:
        image: (h0, w0, 3) uint8 RGB, the original.
        result: Instances in falling order of score, of the same size.
        labels: Names of the classes.
        track_ids: (n,) numbers of the tracks in a video; they then choose the colours.

    Returns:
        A new (h0, w0, 3) uint8 image.

    Raises:
        InputError: If sizes or class indices do not fit.
    """
    _check(image, result.masks.shape[1:], labels, result.labels.tolist())
    layers, seen = [], [0] * len(labels.labels)
    for place, label in enumerate(result.labels.tolist()):
        caption = f"{labels.labels[label].name} {result.scores[place]:.2f}"
        colour = class_colour(label, seen[label])
        if track_ids is not None:
            caption = f"#{track_ids[place]} {caption}"
            colour = class_colour(int(track_ids[place]))
        seen[label] += 1
        layers.append(Layer(mask=result.masks[place], colour=colour, caption=caption))
    return _draw(image, layers[::-1])


def draw_interactive(
    image: Pixels,
    masks: Masks,
    points: Sequence[Sequence[float]],
    boxes: Sequence[Sequence[float]],
) -> Pixels:
    """Draws the masks of prompts and the prompts themselves.

    Args:
        image: (h0, w0, 3) uint8 RGB, the original.
        masks: (K, h0, w0) bool, first those of the points, then those of the boxes.
        points: Pairs x, y in pixels of the original image.
        boxes: x1, y1, x2, y2 in pixels of the original image.

    Returns:
        A new (h0, w0, 3) uint8 image.

    Raises:
        InputError: If sizes or numbers do not fit.
    """
    _check(image, masks.shape[1:], None, [])
    if len(masks) != len(points) + len(boxes):
        raise InputError(
            f"{len(masks)} masks for {len(points)} points and {len(boxes)} boxes; expected as many"
        )
    # Large masks first, so that a small one inside stays visible.
    order = np.argsort([-np.count_nonzero(mask) for mask in masks], kind="stable")
    canvas = _draw(image, [Layer(masks[prompt], class_colour(int(prompt)), "") for prompt in order])
    width = line_width(image)
    for prompt, box in enumerate(boxes, start=len(points)):
        paint_box(canvas, np.asarray(box, np.float32), width + 1, class_colour(prompt))
    for prompt, (x, y) in enumerate(points):
        paint_point(canvas, x, y, 3 * width + 3, class_colour(prompt))
    return canvas


def _check(image: Pixels, size: tuple[int, ...], labels: LabelSet | None, classes: list[int]) -> None:
    check_rgb(image)
    if image.shape[:2] != size:
        raise InputError(
            f"result of {list(size)} pixels for an image of {list(image.shape[:2])}; "
            "draw on the original image"
        )
    if labels is not None and classes and max(classes) >= len(labels.labels):
        raise InputError(
            f"class {max(classes)} is not in label set {labels.name!r} of {len(labels.labels)}; "
            "take the label set that belongs to the model"
        )


def _draw(image: Pixels, layers: Sequence[Layer]) -> Pixels:
    canvas = image.copy()
    width = line_width(image)
    for layer in layers:
        paint_mask(canvas, layer, width)
    return _captioned(canvas, layers)


def _captioned(canvas: Pixels, layers: Sequence[Layer]) -> Pixels:
    """Writes the captions, the topmost layer's first; one that would cover another is left out."""
    smallest = _CAPTION_SHARE * canvas.shape[0] * canvas.shape[1]
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=float(np.clip(min(canvas.shape[:2]) / 28, 11, 72)))
    taken: list[Rectangle] = []
    for layer in reversed(layers):
        if not layer.caption or np.count_nonzero(layer.mask) < smallest:
            continue
        place = _free_place(pen, font, layer, taken)
        if place is not None:
            taken.append(place)
            _write(pen, font, layer, place)
    return np.array(picture)


def _free_place(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    layer: Layer,
    taken: Sequence[Rectangle],
) -> Rectangle | None:
    # "Ag" has the tallest and the deepest letter: all captions get the same height.
    _, highest, _, lowest = pen.textbbox((0, 0), "Ag", font=font)
    margin = max(2, round((lowest - highest) / 4))
    width = round(pen.textlength(layer.caption, font=font)) + 2 * margin
    height = round(lowest - highest) + 2 * margin
    rows, columns = layer.mask.shape
    if width > columns or height > rows:
        return None
    x, y = anchor(layer.mask)
    for shift in (0, 1, -1, 2, -2):
        left = int(np.clip(x - width // 2, 0, columns - width))
        top = int(np.clip(y - height // 2 + shift * height, 0, rows - height))
        place = (left, top, left + width, top + height)
        if not any(_overlap(place, other) for other in taken):
            return place
    return None


def _write(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    layer: Layer,
    place: Rectangle,
) -> None:
    left, top, right, bottom = place
    pen.rounded_rectangle((left, top, right - 1, bottom - 1), radius=(bottom - top) // 4, fill=layer.colour)
    middle = ((left + right) / 2, (top + bottom) / 2)
    pen.text(middle, layer.caption, font=font, fill=text_colour(layer.colour), anchor="mm")


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
