"""Pictures of results: masks, contours, captions and prompts over the photograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rapsam.errors import InputError, printable, shortened
from rapsam.tasks.arrays import Indices, Masks, Pixels
from rapsam.tasks.captions import write_captions
from rapsam.tasks.instances import InstanceResult
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.overlay import Layer, line_width, paint_box, paint_masks, paint_point
from rapsam.tasks.palette import class_colour
from rapsam.tasks.panoptic import INSTANCE_STEP, PanopticResult
from rapsam.tasks.preprocess import check_rgb

_LONGEST_NAME = 32
"""Characters of a class name in a caption."""


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
            captions=(_shown(labels.labels[found.class_index].name),),
            is_stuff=not found.is_thing,
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
        name = _shown(labels.labels[label].name)
        captions: tuple[str, ...] = (f"{name} {result.scores[place]:.2f}", name)
        colour = class_colour(label, seen[label])
        if track_ids is not None:
            number = f"#{track_ids[place]}"
            captions = (*(f"{number} {caption}" for caption in captions), number)
            colour = class_colour(int(track_ids[place]))
        seen[label] += 1
        layers.append(Layer(mask=result.masks[place], colour=colour, captions=captions))
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
    canvas = _draw(image, [Layer(masks[prompt], class_colour(int(prompt))) for prompt in order])
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
    paint_masks(canvas, layers, line_width(image))
    return write_captions(canvas, layers) if any(layer.captions for layer in layers) else canvas


def _shown(name: str) -> str:
    """Returns a class name, which may come from a foreign file, as one short line."""
    return shortened(printable(name), _LONGEST_NAME)
