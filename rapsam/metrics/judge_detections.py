"""Which detections of an image are right, judged by pycocotools.

COCOeval is given one image at a time, and its verdicts are kept instead of the masks: so memory stays
small and an evaluation can be interrupted. `average_precision` then does what COCOeval does at the end.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rapsam.errors import InputError
from rapsam.metrics.average_precision import IOU_THRESHOLDS, MAX_DETECTIONS, Judgement
from rapsam.tasks.arrays import Indices

RunLengths = dict[str, Any]
"""A mask as pycocotools has it: {"size": [height, width], "counts": bytes}."""
AreaRanges = Sequence[tuple[float, float]]
ALL_AREAS = (0.0, 1e10)

_IMAGE = 1


class Detections(NamedTuple):
    """What was found in an image.

    Attributes:
        masks: D run lengths.
        classes: (D,) class indices.
        scores: (D,) any order.
    """

    masks: list[RunLengths]
    classes: Indices
    scores: npt.NDArray[np.floating]


class References(NamedTuple):
    """What there is to be found.

    Attributes:
        masks: G run lengths.
        classes: (G,) class indices.
        crowd: (G,) bool, regions of many objects: a detection inside is neither right nor wrong.
    """

    masks: list[RunLengths]
    classes: Indices
    crowd: npt.NDArray[np.bool_]


def judge_detections(
    found: Detections, wanted: References, num_things: int, areas: AreaRanges
) -> list[Judgement]:
    """Judges the detections of an image, class by class.

    Args:
        found: Detections of things.
        wanted: Segments of the reference. Stuff is left out, and objects that are not to be seen.
        num_things: The first classes that are things.
        areas: Ranges of area in pixels. Objects outside are ignored, and unmatched detections outside.

    Returns:
        One judgement per class that was found or is to be found.

    Raises:
        InputError: If a detection is of no thing.
    """
    if found.classes.max(initial=0) >= num_things:
        raise InputError(f"detection of class {found.classes.max()}; expected things, 0..{num_things - 1}")
    detections = [
        {"category_id": label, "score": score, "segmentation": mask, "area": int(coco_mask.area(mask))}
        for mask, label, score in zip(found.masks, found.classes.tolist(), found.scores.tolist(), strict=True)
    ]
    references = [
        {"category_id": label, "iscrowd": int(crowd), "segmentation": mask, "area": int(coco_mask.area(mask))}
        for mask, label, crowd in zip(
            wanted.masks, wanted.classes.tolist(), wanted.crowd.tolist(), strict=True
        )
    ]
    references = [entry for entry in references if entry["category_id"] < num_things and entry["area"]]
    classes = sorted({entry["category_id"] for entry in (*detections, *references)})
    if not classes:
        return []
    with redirect_stdout(io.StringIO()):  # pycocotools reports each of its steps
        evaluation = COCOeval(_image(references, classes), _image(detections, classes), "segm")
        evaluation.params.iouThrs = IOU_THRESHOLDS
        evaluation.params.maxDets = [MAX_DETECTIONS]
        evaluation.params.areaRng = [list(area) for area in areas]
        evaluation.evaluate()
    # The verdicts come class by class, and for each class by range of area.
    return [
        _judgement(class_index, evaluation.evalImgs[place * len(areas) : (place + 1) * len(areas)])
        for place, class_index in enumerate(classes)
    ]


def _judgement(class_index: int, verdicts: list[dict[str, Any]]) -> Judgement:
    return Judgement(
        class_index=class_index,
        scores=np.array(verdicts[0]["dtScores"], np.float64),
        matched=np.stack([verdict["dtMatches"] > 0 for verdict in verdicts]),
        ignored=np.stack([verdict["dtIgnore"] for verdict in verdicts]).astype(np.bool_),
        references=np.array([np.count_nonzero(verdict["gtIgnore"] == 0) for verdict in verdicts]),
    )


def _image(annotations: list[dict[str, Any]], classes: list[int]) -> COCO:
    """Makes an image with annotations; their ids begin at 1, as COCOeval takes 0 for "no match"."""
    numbered = [{**entry, "id": place, "image_id": _IMAGE} for place, entry in enumerate(annotations, 1)]
    size = annotations[0]["segmentation"]["size"] if annotations else [0, 0]
    image = COCO()
    image.dataset = {
        "images": [{"id": _IMAGE, "height": size[0], "width": size[1]}],
        "categories": [{"id": class_index} for class_index in classes],
        "annotations": numbered,
    }
    image.createIndex()
    return image
