"""Quality of masks that were asked for by one click or one box each."""

from __future__ import annotations

import msgspec
import numpy as np

from rapsam.errors import InputError
from rapsam.metrics.accumulator import Count, Sum, check_state
from rapsam.metrics.mask_iou import paired_iou
from rapsam.tasks.arrays import Masks

CLICK_THRESHOLDS = (0.5, 0.8, 0.85, 0.9)
"""IoUs to reach, as the published evaluation of RAP-SAM has them."""
MAX_CLICKS = 20
"""Clicks that a prompt counts whose first click did not reach the IoU."""


class Clicks(msgspec.Struct, frozen=True, kw_only=True):
    """Number of clicks (NoC) for one IoU.

    Attributes:
        iou: To be reached.
        mean_clicks: 1 for a prompt that reaches it at the first click, else 20, averaged; NaN without a
            prompt.
    """

    iou: float
    mean_clicks: float


class InteractiveQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality over prompts.

    Attributes:
        prompts: Number of prompts.
        mean_iou: Mean over all prompts, 0..1; NaN without a prompt.
        clicks: NoC at IoU 0.5, 0.8, 0.85 and 0.9. It has a meaning for clicks only, not for boxes.
    """

    prompts: int
    mean_iou: float
    clicks: tuple[Clicks, ...]


class PromptCounts(msgspec.Struct, frozen=True, kw_only=True):
    """State of an `InteractiveAccumulator`.

    Attributes:
        prompts: Number of prompts.
        iou_sum: Sum of their IoUs.
        reached: How many prompts reached each of the IoUs.
    """

    prompts: Count
    iou_sum: Sum
    reached: tuple[Count, ...]


class InteractiveAccumulator:
    """Quality of prompted masks over images; see `Accumulator`.

    As the published evaluation of RAP-SAM defines it: every prompt is one click (or one box) and gives one
    mask; no second click follows. Clicks and boxes need an accumulator each.
    """

    def __init__(self) -> None:
        self._prompts = 0
        self._iou_sum = 0.0
        self._reached = np.zeros(len(CLICK_THRESHOLDS), np.int64)

    def add(self, predicted: Masks, wanted: Masks) -> None:
        """Takes the prompts of an image.

        Args:
            predicted: (K, h, w) bool, the mask that each prompt gave.
            wanted: (K, h, w) bool, the mask that it asked for, not empty.

        Raises:
            InputError: If the masks differ in number or size, or a wanted mask is empty.
        """
        if predicted.ndim != 3 or predicted.shape != wanted.shape:
            raise InputError(
                f"predicted masks are {list(predicted.shape)}, wanted ones {list(wanted.shape)}; "
                "expected (prompts, height, width) twice"
            )
        if not wanted.any(axis=(1, 2)).all():
            raise InputError("a prompt asks for an empty mask; expected prompts on segments with pixels")
        ious = paired_iou(predicted, wanted)
        self._prompts += len(ious)
        self._iou_sum += float(ious.sum())
        self._reached += (ious >= np.array(CLICK_THRESHOLDS)[:, None]).sum(axis=1)

    def result(self) -> InteractiveQuality:
        """Computes the quality of all prompts together."""
        if not self._prompts:
            shares, mean_iou = np.full(len(CLICK_THRESHOLDS), np.nan), float("nan")
        else:
            shares, mean_iou = self._reached / self._prompts, self._iou_sum / self._prompts
        clicks = shares + (1 - shares) * MAX_CLICKS
        return InteractiveQuality(
            prompts=self._prompts,
            mean_iou=mean_iou,
            clicks=tuple(
                Clicks(iou=iou, mean_clicks=mean)
                for iou, mean in zip(CLICK_THRESHOLDS, clicks.tolist(), strict=True)
            ),
        )

    def state(self) -> PromptCounts:
        """Returns the counts."""
        return PromptCounts(
            prompts=self._prompts, iou_sum=self._iou_sum, reached=tuple(self._reached.tolist())
        )

    def merge(self, state: PromptCounts) -> None:
        """Adds counts of another accumulator; see `Accumulator`."""
        check_state("IoU thresholds", len(state.reached), len(CLICK_THRESHOLDS))
        self._prompts += state.prompts
        self._iou_sum += state.iou_sum
        self._reached += np.array(state.reached, np.int64)
