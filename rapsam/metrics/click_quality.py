"""Quality of masks that were asked for by one click after another."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.errors import InputError
from rapsam.metrics.accumulator import Count, Sum, check_state
from rapsam.metrics.interactive_quality import CLICK_THRESHOLDS, Clicks


class ClickQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality over objects.

    Attributes:
        objects: Number of objects.
        mean_iou: Mean IoU after the first click, the second, and so on, 0..1; NaN without an object.
        clicks: Number of clicks (NoC) at IoU 0.5, 0.8, 0.85 and 0.9; an object that never reaches the IoU
            counts as many clicks as there are at most.
    """

    objects: int
    mean_iou: tuple[float, ...]
    clicks: tuple[Clicks, ...]


class ClickCounts(msgspec.Struct, frozen=True, kw_only=True):
    """State of a `ClickAccumulator`.

    Attributes:
        objects: Number of objects.
        iou_sums: Sum of their IoUs after each click.
        click_sums: Sum of the clicks that they needed for each IoU.
    """

    objects: Count
    iou_sums: tuple[Sum, ...]
    click_sums: tuple[Count, ...]


class ClickAccumulator:
    """Quality of masks after one click, two, and so on; see `Accumulator`.

    Args:
        limit: Clicks for an object, at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._objects = 0
        self._iou_sums = np.zeros(limit)
        self._click_sums = np.zeros(len(CLICK_THRESHOLDS), np.int64)

    def add(self, ious: npt.NDArray[np.float64]) -> None:
        """Takes the objects of an image.

        Args:
            ious: (K, limit) IoU of each object after each click.

        Raises:
            InputError: If the shape is another.
        """
        if ious.ndim != 2 or ious.shape[1] != self._limit:
            raise InputError(f"IoUs are {list(ious.shape)}; expected (objects, {self._limit} clicks)")
        self._objects += len(ious)
        self._iou_sums += ious.sum(axis=0)
        for place, wanted in enumerate(CLICK_THRESHOLDS):
            reached = ious >= wanted
            needed = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, self._limit)
            self._click_sums[place] += int(needed.sum())

    def result(self) -> ClickQuality:
        """Computes the quality of all objects together."""
        count = self._objects or float("nan")
        means = zip(CLICK_THRESHOLDS, (self._click_sums / count).tolist(), strict=True)
        return ClickQuality(
            objects=self._objects,
            mean_iou=tuple((self._iou_sums / count).tolist()),
            clicks=tuple(Clicks(iou=iou, mean_clicks=mean) for iou, mean in means),
        )

    def state(self) -> ClickCounts:
        """Returns the counts."""
        return ClickCounts(
            objects=self._objects,
            iou_sums=tuple(self._iou_sums.tolist()),
            click_sums=tuple(self._click_sums.tolist()),
        )

    def merge(self, state: ClickCounts) -> None:
        """Adds counts of another accumulator; see `Accumulator`."""
        check_state("clicks", len(state.iou_sums), self._limit)
        check_state("IoU thresholds", len(state.click_sums), len(CLICK_THRESHOLDS))
        self._objects += state.objects
        self._iou_sums += np.array(state.iou_sums)
        self._click_sums += np.array(state.click_sums, np.int64)
