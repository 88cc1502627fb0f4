"""Mask AP with boxes of a detector: each is a prompt, whose mask has the detector's class and score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rapsam.data.coco_records import Key
from rapsam.data.detections import FoundBoxes
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.errors import InputError
from rapsam.evaluation.scores import Part
from rapsam.inference.segmenter import Segmenter
from rapsam.metrics.mask_precision import MaskPrecisionAccumulator
from rapsam.tasks.instances import InstanceResult
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.prompt_set import PromptSet

_NONE = FoundBoxes(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, np.float32))
_PER_PASS = 32
"""Boxes that are asked about at once: masks of all at the image's size are in memory together."""


class GivenBoxScores:
    """Mask AP of images whose boxes are given; see `Scores`. Images without a box have no masks.

    Args:
        segmenter: The network, which must take boxes.
        boxes: Id of an image to its boxes.
        labels: Classes of the data set.

    Raises:
        InputError: If the network takes no boxes.
    """

    def __init__(self, segmenter: Segmenter, boxes: Mapping[Key, FoundBoxes], labels: LabelSet) -> None:
        takes = segmenter.prompt_spec()
        if not takes.boxes:
            raise InputError(f"{segmenter.name} takes {takes.described()}, no boxes; take another model")
        self._boxes = boxes
        things = labels.labels[: labels.num_things]
        self._classes = {label.category_id: place for place, label in enumerate(things)}
        self._masks = MaskPrecisionAccumulator(labels.num_things)
        self.parts: dict[str, Part] = {"mask_ap": self._masks}

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is an image, its classes those of the data set."""
        height, width = clip.frames.shape[1:3]
        given = self._known(clip.key).within(height, width)
        masks = np.zeros((0, height, width), np.bool_)
        if len(given.boxes):
            image = segmenter.embed(clip.frames[0])
            answers = [
                image.segment(PromptSet.of(boxes=given.boxes[start : start + _PER_PASS].tolist())).masks
                for start in range(0, len(given.boxes), _PER_PASS)
            ]
            masks = np.concatenate(answers)
        found = InstanceResult(
            scores=given.scores,
            labels=np.array([self._classes[category] for category in given.categories.tolist()], np.int64),
            boxes=given.boxes.astype(np.float32),
            masks=masks,
            queries=np.arange(len(masks)),
        )
        self._masks.add(found, clip.masks[:, 0], clip.classes, clip.crowd)

    def _known(self, key: Key) -> FoundBoxes:
        """Returns the boxes of an image whose classes the data set has."""
        found = self._boxes.get(key, _NONE)
        kept = np.array([category in self._classes for category in found.categories.tolist()], np.bool_)
        return FoundBoxes(found.boxes[kept], found.categories[kept], found.scores[kept])
