"""Scores of prompts: a click, a box, and click after click."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rapsam.data.mask_depth import mask_depth
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.evaluation.scores import Part
from rapsam.inference.embedded import EmbeddedImage
from rapsam.inference.segmenter import Segmenter
from rapsam.metrics.click_quality import ClickAccumulator
from rapsam.metrics.interactive_quality import MAX_CLICKS, InteractiveAccumulator
from rapsam.metrics.mask_iou import paired_iou
from rapsam.tasks.arrays import Indices, Masks
from rapsam.tasks.instances import tight_box
from rapsam.tasks.prompt_set import Box, Point, Prompt, PromptSet, PromptSpec


class PromptScores:
    """Quality of a click, a box and several clicks per segment, things, stuff and crowds; see `Scores`.

    A model that takes no points, no boxes, or one point per prompt only has no figures of these.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        takes = segmenter.prompt_spec()
        self._clicks, self._boxes = InteractiveAccumulator(), InteractiveAccumulator()
        self.parts: dict[str, Part] = {"clicks": self._clicks, "boxes": self._boxes}
        self._limit = min(takes.max_points, MAX_CLICKS)
        if self._limit > 1:
            self._one_by_one = ClickAccumulator(self._limit)
            self.parts["several_clicks"] = self._one_by_one

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is an image."""
        masks = seen_masks(clip)
        if not len(masks):
            return
        known = segmenter.embed(clip.frames[0])
        points, boxes = prompts_for(masks, segmenter.prompt_spec())
        found = known.predict(points=points, boxes=boxes).masks
        if points:
            self._clicks.add(found[: len(points)], masks)
        if boxes:
            self._boxes.add(found[len(points) :], masks)
        if self._limit > 1:
            self._one_by_one.add(_click_by_click(known, masks, points, self._limit))


def seen_masks(clip: AnnotatedClip) -> Masks:
    """Returns the masks (n, h, w) of an image that are not empty."""
    masks: Masks = clip.masks[:, 0]
    return masks[masks.any(axis=(1, 2))]


def prompts_for(masks: Masks, takes: PromptSpec) -> tuple[list[Point], list[Box]]:
    """Makes a click and a box for each mask (n, h, w), as far as the model takes them."""
    points = [innermost_pixel(mask) for mask in masks] if takes.max_points else []
    boxes: list[Box] = [tuple(tight_box(mask).tolist()) for mask in masks] if takes.boxes else []
    return points, boxes


def innermost_pixel(mask: Masks) -> Point:
    """Returns x, y of the deepest pixel of a mask (h, w), the first of equals."""
    return _deepest(mask_depth(mask))


def _deepest(depth: Indices) -> Point:
    y, x = divmod(int(np.argmax(depth)), depth.shape[1])
    return float(x), float(y)


def next_click(found: Masks, wanted: Masks, takes: PromptSpec) -> tuple[Point, bool] | None:
    """Clicks where a mask is most wrong: deepest inside of what it lacks, or of what it has too much.

    Args:
        found: (h, w) bool.
        wanted: (h, w) bool.
        takes: Says whether a click may lie beside the region.

    Returns:
        The point x, y and whether it lies in the region; None where nothing is left to correct.
    """
    lacking, surplus = wanted & ~found, found & ~wanted
    if not takes.negative_points:
        surplus = np.zeros_like(surplus)
    if not (lacking | surplus).any():
        return None
    within, beside = mask_depth(lacking), mask_depth(surplus)
    positive = bool(within.max() >= beside.max())
    return _deepest(within if positive else beside), positive


def _click_by_click(
    known: EmbeddedImage, wanted: Masks, points: list[Point], limit: int
) -> npt.NDArray[np.float64]:
    """Corrects masks by one click after another, the last answer with it where the model takes masks.

    Args:
        known: The image.
        wanted: (K, h, w) bool.
        points: First click of each.
        limit: Clicks, at most.

    Returns:
        (K, limit) IoU after each click; where nothing was left to correct, the last one goes on.
    """
    takes = known.segmenter.prompt_spec()
    prompts = [Prompt(points=(point,), positive=(True,)) for point in points]
    ious = np.zeros((len(wanted), limit))
    for click in range(limit):
        found = known.segment(PromptSet(tuple(prompts)))
        ious[:, click] = paired_iou(found.masks, wanted)
        for place, mask in enumerate(found.masks):
            correction = next_click(mask, wanted[place], takes)
            if correction is None or click == limit - 1:
                continue
            point, positive = correction
            prompts[place] = Prompt(
                points=(*prompts[place].points, point),
                positive=(*prompts[place].positive, positive),
                mask=found.logits[place] if takes.masks else None,
            )
    return ious
