"""Mean IoU of semantic segmentation from a confusion matrix.

Long et al., "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, paragraph "Metrics".
"""

from __future__ import annotations

import msgspec
import numpy as np

from rapsam.metrics.accumulator import Count, check_state
from rapsam.metrics.means import mean_of_known
from rapsam.metrics.overlaps import Overlaps, check_classes, class_of, count_overlaps
from rapsam.tasks.arrays import Ids


class ClassIou(msgspec.Struct, frozen=True, kw_only=True):
    """IoU of one class that occurs in a prediction or a reference.

    Attributes:
        class_index: 0..K-1.
        iou: Intersection over union of all its pixels, 0..1.
    """

    class_index: int
    iou: float


class SemanticQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of the classes of pixels.

    Attributes:
        mean_iou: Mean over the classes that occur, 0..1; NaN if none does.
        per_class: Classes that occur, by index.
    """

    mean_iou: float
    per_class: tuple[ClassIou, ...]


class ConfusionMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """State of a `SemanticAccumulator`.

    Attributes:
        pixels: K rows of K + 1 counts: pixels of a reference class that were predicted to be each class,
            void last.
    """

    pixels: tuple[tuple[Count, ...], ...]


class SemanticAccumulator:
    """Mean IoU over images; see `Accumulator`.

    Void pixels of the reference are left out. A pixel that is void in the prediction only is a missed
    pixel of its class.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes
        self._pixels = np.zeros((num_classes, num_classes + 1), np.int64)

    def add(self, predicted: Ids, reference: Ids) -> None:
        """Takes an image.

        Args:
            predicted: (h, w) int32 panoptic map, or classes 0..K-1 alone; void is K.
            reference: (h, w) int32, the same.

        Raises:
            InputError: If the sizes of the maps differ, or a class is unknown.
        """
        self.add_overlaps(count_overlaps(predicted, reference))

    def add_overlaps(self, overlaps: Overlaps) -> None:
        """Takes the pixels that the segments of an image or a video share.

        Raises:
            InputError: If a class is unknown.
        """
        check_classes(overlaps, self._num_classes)
        ours, theirs = class_of(overlaps.predicted), class_of(overlaps.reference)
        known = theirs < self._num_classes
        np.add.at(self._pixels, (theirs[known], ours[known]), overlaps.pixels[known])

    def result(self) -> SemanticQuality:
        """Computes the quality of all images together."""
        shared = np.diagonal(self._pixels)
        union = self._pixels.sum(axis=1) + self._pixels.sum(axis=0)[:-1] - shared
        found = tuple(
            ClassIou(class_index=index, iou=float(shared[index] / union[index]))
            for index in np.flatnonzero(union).tolist()
        )
        return SemanticQuality(mean_iou=mean_of_known([entry.iou for entry in found]), per_class=found)

    @property
    def missed_as_void(self) -> int:
        """Labelled pixels that were predicted to be void."""
        return int(self._pixels[:, -1].sum())

    def state(self) -> ConfusionMatrix:
        """Returns the counts."""
        return ConfusionMatrix(pixels=tuple(tuple(row) for row in self._pixels.tolist()))

    def merge(self, state: ConfusionMatrix) -> None:
        """Adds counts of another accumulator; see `Accumulator`."""
        check_state("classes", len(state.pixels), self._num_classes)
        for row in state.pixels:
            check_state("columns", len(row), self._num_classes + 1)
        self._pixels += np.array(state.pixels, np.int64)
