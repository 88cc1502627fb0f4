"""Pictures of results: masks, contours, captions and prompts over the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

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
from rapsam.tasks.prompt_set import PromptSet
from rapsam.tasks.resize import resize_image
from rapsam.tasks.run_mask import RunMask

_LONGEST_NAME = 32
"""Characters of a class name in a caption."""
_PANEL = 640
"""Longest side of one of several pictures side by side."""


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


def draw_interactive(image: Pixels, masks: Masks, prompts: PromptSet) -> Pixels:
    """Draws the masks of prompts and the prompts themselves, points beside the region hollow.

    Args:
        image: (h0, w0, 3) uint8 RGB, the original.
        masks: (K, h0, w0) bool.
        prompts: K prompts in pixels of the original image.

    Returns:
        A new (h0, w0, 3) uint8 image.

    Raises:
        InputError: If sizes or numbers do not fit.
    """
    _check(image, masks.shape[1:], None, [])
    if len(masks) != len(prompts.prompts):
        raise InputError(f"{len(masks)} masks for {len(prompts.prompts)} prompts; expected as many")
    # Large masks first, so that a small one inside stays visible.
    order = np.argsort([-np.count_nonzero(mask) for mask in masks], kind="stable")
    canvas = _draw(image, [Layer(masks[number], class_colour(int(number))) for number in order])
    width = line_width(image)
    for number, prompt in enumerate(prompts.prompts):
        if prompt.box is not None:
            paint_box(canvas, np.asarray(prompt.box, np.float32), width + 1, class_colour(number))
    for number, prompt in enumerate(prompts.prompts):
        for (x, y), positive in zip(prompt.points, prompt.positive, strict=True):
            paint_point(canvas, x, y, 3 * width + 3, class_colour(number), hollow=not positive)
    return canvas


def draw_candidates(image: Pixels, candidates: Masks, prompts: PromptSet) -> Pixels:
    """Draws what each prompt may mean: the image once for each candidate, side by side.

    Args:
        image: (h0, w0, 3) uint8 RGB, the original.
        candidates: (K, M, h0, w0) bool.
        prompts: K prompts in pixels of the original image.

    Returns:
        A new (h, M w, 3) uint8 image, with h and w at most 640.
    """
    shrunk = min(1.0, _PANEL / max(image.shape[:2]))
    size = (max(1, round(image.shape[0] * shrunk)), max(1, round(image.shape[1] * shrunk)))
    panels = [draw_interactive(image, masks, prompts) for masks in candidates.swapaxes(0, 1)]
    return np.concatenate([resize_image(panel, size) for panel in panels], axis=1)


def draw_regions(image: Pixels, masks: Sequence[RunMask]) -> Pixels:
    """Draws many masks of an image (h0, w0, 3) uint8 RGB, of which one at a time is unpacked.

    Args:
        image: The original.
        masks: Of its size; small ones lie on top.
    """
    canvas = image.copy()
    paint_masks(canvas, _UnpackedLayers(sorted(masks, key=lambda mask: -mask.area)), line_width(image))
    return canvas


class _UnpackedLayers(Sequence[Layer]):
    """Layers whose masks are unpacked when they are painted."""

    def __init__(self, masks: Sequence[RunMask]) -> None:
        self._masks = masks

    def __len__(self) -> int:
        return len(self._masks)

    @overload
    def __getitem__(self, place: int) -> Layer: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Layer]: ...

    def __getitem__(self, place: int | slice) -> Layer | Sequence[Layer]:
        if isinstance(place, slice):
            return _UnpackedLayers(self._masks[place])
        return Layer(self._masks[place].mask(), class_colour(place))


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
