"""Two results on one image, and what differs between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.tasks.arrays import Ids, Masks, Pixels
from rapsam.tasks.draw import draw_panoptic
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.overlay import Layer, line_width, paint_masks
from rapsam.tasks.palette import class_colour
from rapsam.tasks.panoptic import PanopticResult

_SAME = 0.5
"""Segments of one class that share more than this of their union are the same one, as for PQ."""
_BRIGHTNESS = np.array([0.30, 0.59, 0.11], np.float32)
_FADED, _LIGHT = 0.35, 150.0
_RED = (214, 39, 40)


class Drawn(NamedTuple):
    """Three pictures of (h, w, 3), uint8 RGB.

    Attributes:
        reference: What the reference found, on the image.
        exported: What the bundle found.
        difference: The image in pale grey, with the pixels that differ in red.
        differing: Share of these pixels.
    """

    reference: Pixels
    exported: Pixels
    difference: Pixels
    differing: float


def draw_segments(
    image: Pixels, reference: PanopticResult, exported: PanopticResult, labels: LabelSet
) -> Drawn:
    """Draws two panoptic results; pixels differ that do not belong to the same segment.

    Args:
        image: (h, w, 3).
        reference: Of its size.
        exported: The same.
        labels: Names of the classes.
    """
    differs = ~_agree(reference, exported)
    return Drawn(
        reference=draw_panoptic(image, reference, labels),
        exported=draw_panoptic(image, exported, labels),
        difference=_marked(image, differs),
        differing=float(differs.mean()),
    )


def draw_masks(image: Pixels, reference: Masks, exported: Masks) -> Drawn:
    """Draws the masks of prompts; pixels differ that belong to a mask on one side only.

    Args:
        image: (h, w, 3).
        reference: (K, h, w).
        exported: The same prompts, in the same order.
    """
    differs = (reference != exported).any(axis=0)
    return Drawn(
        reference=_painted(image, reference),
        exported=_painted(image, exported),
        difference=_marked(image, differs),
        differing=float(differs.mean()),
    )


def _agree(reference: PanopticResult, exported: PanopticResult) -> Masks:
    """Finds the pixels of segments that are the same on both sides, whatever their numbers, or of none."""
    left, right = reference.panoptic_map, exported.panoptic_map
    same: Masks = (left == reference.void) & (right == exported.void)
    for one in reference.segments:
        for other in exported.segments:
            if one.class_index == other.class_index:
                inside, found = left == one.id, right == other.id
                if (inside & found).sum() > _SAME * (inside | found).sum():
                    same |= inside & found
    return same


def _painted(image: Pixels, masks: Masks) -> Pixels:
    canvas = image.copy()
    # Large masks first, so that a small one inside stays visible.
    order = np.argsort([-np.count_nonzero(mask) for mask in masks], kind="stable")
    layers = [Layer(masks[prompt], class_colour(int(prompt))) for prompt in order]
    paint_masks(canvas, layers, line_width(image))
    return canvas


def _marked(image: Pixels, differs: Masks) -> Pixels:
    grey: Ids = (image.astype(np.float32) @ _BRIGHTNESS * _FADED + _LIGHT).astype(np.int32)
    marked: Pixels = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    marked[differs] = _RED
    return marked
