"""Average precision and recall of detections that were judged image by image.

The definition of COCO (https://cocodataset.org/#detection-eval): precision, made to fall with recall, is
read at 101 recalls and averaged, for each IoU of 0.50, 0.55, .., 0.95. `judge_detections` says which
detections are right; what it says is kept, which is a few bytes per detection.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.metrics.accumulator import Count, Sum, check_state
from rapsam.tasks.arrays import Indices, Masks

Scores = npt.NDArray[np.float64]

IOU_THRESHOLDS: Scores = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100
"""Detections per image and class that count: those with the highest scores."""
Bits = Annotated[int, msgspec.Meta(ge=0, lt=2**60)]
_RECALLS = np.linspace(0.0, 1.0, 101)


class Judgement(NamedTuple):
    """Judged detections of one class in one image, in falling order of score.

    A is the number of ranges of area and T = 10 that of IoUs.

    Attributes:
        class_index: Their class.
        scores: (D,) float64.
        matched: (A, T, D) whether the detection found a reference object.
        ignored: (A, T, D) whether it counts neither as right nor as wrong.
        references: (A,) number of reference objects that are to be found.
    """

    class_index: int
    scores: Scores
    matched: Masks
    ignored: Masks
    references: Indices


class JudgedClass(msgspec.Struct, frozen=True, kw_only=True):
    """State of a class: its judged detections, each list one entry per detection.

    Attributes:
        scores: In the order in which the images came.
        ranks: Place in the image by score, from 0.
        matched: Bit a * 10 + t tells whether it was matched in area range a at IoU t.
        ignored: The same bits: whether it is ignored.
        references: Objects to be found, by range of area.
    """

    scores: list[Sum]
    ranks: list[Count]
    matched: list[Bits]
    ignored: list[Bits]
    references: list[Count]


class JudgedDetections(msgspec.Struct, frozen=True, kw_only=True):
    """State of an accumulator of average precision, by class."""

    classes: list[JudgedClass]


class PrecisionTable(NamedTuple):
    """Precision and recall of every class; NaN for a class without objects to be found.

    Attributes:
        precision: (K, A, T) average precision, 0..1.
        recall: (K, A, T) share of the objects that were found.
    """

    precision: Scores
    recall: Scores


class JudgedStore:
    """The judged detections of a stream of images, by class.

    Args:
        num_classes: K.
        num_areas: A, how many ranges of area were judged, at most 6.
    """

    def __init__(self, num_classes: int, num_areas: int) -> None:
        self._num_areas = num_areas
        self._classes = [_ClassStore(num_areas) for _ in range(num_classes)]

    def add(self, judgements: Iterable[Judgement]) -> None:
        """Takes the judgements over an image."""
        for judgement in judgements:
            self._classes[judgement.class_index].add(judgement)

    def table(self, max_detections: int = MAX_DETECTIONS) -> PrecisionTable:
        """Computes precision and recall if only so many detections per image and class counted."""
        cells = [store.precision_and_recall(max_detections) for store in self._classes]
        shape = (len(cells), self._num_areas, len(IOU_THRESHOLDS))
        return PrecisionTable(
            np.array([precision for precision, _ in cells]).reshape(shape),
            np.array([recall for _, recall in cells]).reshape(shape),
        )

    def references(self, class_index: int) -> int:
        """Counts the objects of a class that are to be found, of any area."""
        return int(self._classes[class_index].references[0])

    def state(self) -> JudgedDetections:
        """Returns all judgements."""
        return JudgedDetections(classes=[store.state() for store in self._classes])

    def merge(self, state: JudgedDetections) -> None:
        """Adds judgements of another store; see `Accumulator`."""
        check_state("classes", len(state.classes), len(self._classes))
        for found in state.classes:
            check_state("ranges of area", len(found.references), self._num_areas)
            lengths = {len(found.scores), len(found.ranks), len(found.matched), len(found.ignored)}
            check_state("lengths", lengths, {len(found.scores)})
        for store, found in zip(self._classes, state.classes, strict=True):
            store.merge(found)


class _ClassStore:
    def __init__(self, num_areas: int) -> None:
        self.references = np.zeros(num_areas, np.int64)
        self._bits = 1 << np.arange(num_areas * len(IOU_THRESHOLDS))
        self._scores = array("d")
        self._ranks, self._matched, self._ignored = array("q"), array("q"), array("q")

    def add(self, judgement: Judgement) -> None:
        flags = len(self._bits)
        self._scores.extend(judgement.scores.tolist())
        self._ranks.extend(range(len(judgement.scores)))
        self._matched.extend((self._bits @ judgement.matched.reshape(flags, -1)).tolist())
        self._ignored.extend((self._bits @ judgement.ignored.reshape(flags, -1)).tolist())
        self.references += judgement.references

    def precision_and_recall(self, max_detections: int) -> tuple[Scores, Scores]:
        """Computes (A * T,) average precisions and recalls."""
        ranks = np.array(self._ranks, np.int64)
        counted = np.flatnonzero(ranks < max_detections)
        # Equal scores keep the order of the images, as in pycocotools.
        counted = counted[np.argsort(-np.array(self._scores)[counted], kind="stable")]
        matched = np.array(self._matched, np.int64)[counted] & self._bits[:, None] != 0
        ignored = np.array(self._ignored, np.int64)[counted] & self._bits[:, None] != 0
        references = np.repeat(self.references, len(IOU_THRESHOLDS)).tolist()
        curves = [
            _average_precision(right, wrong, number)
            for right, wrong, number in zip(matched & ~ignored, ~matched & ~ignored, references, strict=True)
        ]
        precisions, recalls = zip(*curves, strict=True)
        return np.array(precisions), np.array(recalls)

    def state(self) -> JudgedClass:
        return JudgedClass(
            scores=self._scores.tolist(),
            ranks=self._ranks.tolist(),
            matched=self._matched.tolist(),
            ignored=self._ignored.tolist(),
            references=self.references.tolist(),
        )

    def merge(self, state: JudgedClass) -> None:
        self._scores.extend(state.scores)
        self._ranks.extend(state.ranks)
        self._matched.extend(state.matched)
        self._ignored.extend(state.ignored)
        self.references += state.references


def _average_precision(right: Masks, wrong: Masks, references: int) -> tuple[float, float]:
    """Computes average precision and recall of (D,) detections in falling order of score."""
    if references == 0:
        return float("nan"), float("nan")
    rights, wrongs = np.cumsum(right), np.cumsum(wrong)
    precision = rights / np.maximum(rights + wrongs, 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    # A recall that is never reached has precision 0.
    places = np.searchsorted(rights / references, _RECALLS)
    recall = float(rights[-1]) / references if len(rights) else 0.0
    return float(np.append(falling, 0.0)[places].mean()), recall
