"""Mask AP of instance segmentation as COCO defines it (https://cocodataset.org/#detection-eval)."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from rapsam.errors import InputError
from rapsam.metrics.average_precision import JudgedDetections, JudgedStore
from rapsam.metrics.class_precision import ClassPrecision, class_precisions
from rapsam.metrics.judge_detections import (
    ALL_AREAS,
    Detections,
    References,
    RunLengths,
    judge_detections,
)
from rapsam.metrics.means import mean_of_known
from rapsam.tasks.arrays import Indices, Masks
from rapsam.tasks.instances import InstanceResult

COCO_AREAS = (ALL_AREAS, (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
"""All objects, small, medium and large ones, in pixels."""


class MaskPrecision(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the classes that have objects, 0..1; NaN where there is none.

    Attributes:
        ap: Mean over the IoUs 0.50, 0.55, .., 0.95.
        ap_50: At IoU 0.50.
        ap_75: At IoU 0.75.
        ap_small: Over objects below 32 x 32 pixels.
        ap_medium: Over objects from there to 96 x 96 pixels.
        ap_large: Over larger objects.
        ar_100: Share of the objects that the 100 best detections per image and class find.
        per_class: Classes that have objects, by index.
    """

    ap: float
    ap_50: float
    ap_75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar_100: float
    per_class: tuple[ClassPrecision, ...]


class MaskPrecisionAccumulator:
    """Mask AP over images; see `Accumulator`.

    The area of an object is the number of its pixels; COCO's files may name one that differs a little.

    Args:
        num_things: The first classes that are things. Stuff is left out.
    """

    def __init__(self, num_things: int) -> None:
        self._num_things = num_things
        self._store = JudgedStore(num_things, len(COCO_AREAS))

    def add(
        self, predicted: InstanceResult, masks: Masks, classes: Indices, crowd: npt.NDArray[np.bool_]
    ) -> None:
        """Takes an image.

        Args:
            predicted: Instances in any order.
            masks: (N, h, w) bool, the segments of the reference.
            classes: (N,) class indices; those of stuff are left out.
            crowd: (N,) bool, regions of many objects that nobody separated.

        Raises:
            InputError: If the sizes of the masks differ, or a class is unknown.
        """
        if predicted.masks.shape[1:] != masks.shape[1:]:
            raise InputError(
                f"predicted masks are {list(predicted.masks.shape[1:])}, reference masks "
                f"{list(masks.shape[1:])}; expected one size (height, width)"
            )
        found = Detections(_run_lengths(predicted.masks), predicted.labels, predicted.scores)
        wanted = References(_run_lengths(masks), classes, crowd)
        self._store.add(judge_detections(found, wanted, self._num_things, COCO_AREAS))

    def result(self) -> MaskPrecision:
        """Computes the precision over all images together."""
        precision, recall = self._store.table()
        return MaskPrecision(
            ap=mean_of_known(precision[:, 0]),
            ap_50=mean_of_known(precision[:, 0, 0]),
            ap_75=mean_of_known(precision[:, 0, 5]),
            ap_small=mean_of_known(precision[:, 1]),
            ap_medium=mean_of_known(precision[:, 2]),
            ap_large=mean_of_known(precision[:, 3]),
            ar_100=mean_of_known(recall[:, 0]),
            per_class=class_precisions(self._store, precision[:, 0]),
        )

    def state(self) -> JudgedDetections:
        """Returns what was judged."""
        return self._store.state()

    def merge(self, state: JudgedDetections) -> None:
        """Adds what another accumulator had judged; see `Accumulator`."""
        self._store.merge(state)


def _run_lengths(masks: Masks) -> list[RunLengths]:
    """Encodes (N, h, w) masks, each turned by 90 degrees: that costs no copy and changes no IoU."""
    turned = np.ascontiguousarray(masks).view(np.uint8).transpose(2, 1, 0)
    return list(coco_mask.encode(turned)) if len(masks) else []
