from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rapsam.errors import InputError
from rapsam.metrics.mask_precision import MaskPrecisionAccumulator
from tests.metrics.scenes import CLASSES, THINGS, instances, random_detections


def of_images(images):
    accumulator = MaskPrecisionAccumulator(THINGS)
    for found, labels, scores, masks, classes, crowd in images:
        accumulator.add(instances(found[:, 0], labels, scores), masks[:, 0], classes, crowd)
    return accumulator.result()


def encode(mask):
    return coco_mask.encode(np.asfortranarray(mask, np.uint8))


def coco_file(images, entries):
    """Makes a COCO object as its file would give; entries are (image, mask, class, other fields)."""
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": label,
            "segmentation": encode(mask),
            "area": int(mask.sum()),
        }
        | other
        for number, (image, mask, label, other) in enumerate(entries, start=1)
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image, "height": 9, "width": 9} for image in range(len(images))],
        "categories": [{"id": label} for label in range(THINGS)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def by_coco(images, areas=None):
    """Evaluates all images at once by pycocotools alone; gives its twelve figures and its arrays."""
    wanted, found = [], []
    for image, (ours, labels, scores, masks, classes, crowd) in enumerate(images):
        for mask, label, flag in zip(masks[:, 0], classes, crowd, strict=True):
            if label < THINGS:
                wanted.append((image, mask, int(label), {"iscrowd": int(flag)}))
        for mask, label, score in zip(ours[:, 0], labels, scores, strict=True):
            found.append((image, mask, int(label), {"score": float(np.float32(score))}))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco_file(images, wanted), coco_file(images, found), "segm")
        if areas:
            evaluation.params.areaRng = areas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [value if value > -1 else math.nan for value in evaluation.stats], evaluation.eval["precision"]


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), images=st.integers(1, 5))
def test_figures_are_those_of_pycocotools(seed, images):
    world = [random_detections(seed * 10 + image) for image in range(images)]
    figures, precision = by_coco(world)
    found = of_images(world)
    ours = [found.ap, found.ap_50, found.ap_75, found.ap_small, found.ap_medium, found.ap_large, found.ar_100]
    np.testing.assert_allclose(ours, [*figures[:6], figures[8]], atol=1e-9)
    for entry in found.per_class:
        np.testing.assert_allclose(entry.ap, precision[:, :, entry.class_index, 0, -1].mean(), atol=1e-9)


def test_small_medium_and_large():
    # Objects of 31 x 31, 33 x 33 and 97 x 97 pixels; the medium one is missed.
    masks = np.zeros((3, 150, 150), bool)
    masks[0, :31, :31] = masks[1, 40:73, :33] = masks[2, 53:, 53:] = True
    accumulator = MaskPrecisionAccumulator(THINGS)
    found = instances(masks[[0, 2]], [0, 0], [0.9, 0.8])
    accumulator.add(found, masks, np.zeros(3, np.int64), np.zeros(3, bool))
    result = accumulator.result()
    assert (result.ap_small, result.ap_medium, result.ap_large) == (1, 0, 1)
    assert math.isclose(result.ar_100, 2 / 3)
    # Recall ends at 2/3: precision 1 at 67 of the 101 recalls.
    assert math.isclose(result.ap, 67 / 101)


def test_a_detection_within_a_crowd_is_forgiven():
    masks = np.zeros((2, 1, 20), bool)
    masks[0, 0, :5] = masks[1, 0, 10:] = True
    ours = np.zeros((3, 1, 20), bool)
    ours[0, 0, :5] = ours[1, 0, 10:12] = ours[2, 0, 14:17] = True
    accumulator = MaskPrecisionAccumulator(THINGS)
    accumulator.add(
        instances(ours, [0] * 3, [0.5, 0.9, 0.8]), masks, np.zeros(2, int), np.array([False, True])
    )
    result = accumulator.result()
    assert result.ap == 1
    assert [entry.references for entry in result.per_class] == [1]


def test_the_first_object_of_an_image_can_be_found():
    # COCOeval takes a match with id 0 for no match.
    mask = np.ones((1, 4, 4), bool)
    accumulator = MaskPrecisionAccumulator(THINGS)
    accumulator.add(instances(mask, [0], [0.5]), mask, np.zeros(1, int), np.zeros(1, bool))
    assert accumulator.result().ap == 1


def test_iou_decides():
    # IoU 7/10: right at 0.50, 0.55, .., 0.70.
    mask, ours = np.ones((1, 1, 10), bool), np.ones((1, 1, 10), bool)
    ours[0, 0, 7:] = False
    accumulator = MaskPrecisionAccumulator(THINGS)
    accumulator.add(instances(ours, [0], [0.5]), mask, np.zeros(1, int), np.zeros(1, bool))
    result = accumulator.result()
    assert (result.ap_50, result.ap_75) == (1, 0)
    assert math.isclose(result.ap, 0.5)


def test_stuff_and_empty_objects_are_left_out():
    masks = np.ones((2, 3, 3), bool)
    masks[1] = False
    accumulator = MaskPrecisionAccumulator(THINGS)
    accumulator.add(instances(masks[:0], [], []), masks, np.array([CLASSES - 1, 0]), np.zeros(2, bool))
    assert math.isnan(accumulator.result().ap)
    assert accumulator.result().per_class == ()


def test_bad_input_is_refused():
    accumulator = MaskPrecisionAccumulator(THINGS)
    mask = np.ones((1, 3, 3), bool)
    with pytest.raises(InputError, match=r"detection of class 3; expected things, 0\.\.2"):
        accumulator.add(instances(mask, [3], [0.5]), mask, np.zeros(1, int), np.zeros(1, bool))
    with pytest.raises(InputError, match=r"predicted masks are \[3, 3\], reference masks \[3, 4\]"):
        accumulator.add(
            instances(mask, [0], [0.5]), np.ones((1, 3, 4), bool), np.zeros(1, int), np.zeros(1, bool)
        )


def test_nothing_is_printed(capsys):
    of_images([random_detections(1)])
    assert capsys.readouterr().out == ""
