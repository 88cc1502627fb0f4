"""Click after click, and boxes that a detector gave."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import rapsam
from rapsam.data.detections import FoundBoxes
from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.evaluation.figures import numbers
from rapsam.evaluation.given_boxes import GivenBoxScores
from rapsam.evaluation.prompt_scores import next_click
from rapsam.evaluation.run import evaluate
from rapsam.inference.segmenter import model_segmenter
from rapsam.models.rapsam.deployment import PROMPT_SPEC
from rapsam.tasks.instances import tight_box
from tests.evaluation.oracle import oracle_segmenter
from tests.point_family import SPEC

IMAGES = SynthImages(3, 6, (64, 64))
WANTED = np.zeros((20, 30), bool)
WANTED[5:15, 10:20] = True


def test_the_next_click_is_where_a_mask_is_most_wrong():
    lacking, surplus = WANTED.copy(), WANTED.copy()
    lacking[5:15, 10:15] = False
    surplus[2:18, 20:29] = True
    assert next_click(lacking, WANTED, SPEC) == ((12, 7), True)
    point, positive = next_click(surplus, WANTED, SPEC)
    assert not positive
    assert 20 <= point[0] < 29
    both = surplus.copy()
    both[5:15, 10:13] = False
    assert next_click(both, WANTED, SPEC)[1] is False
    assert next_click(WANTED, WANTED, SPEC) is None
    assert next_click(surplus, WANTED, PROMPT_SPEC) is None


def test_several_clicks_are_scored_for_models_that_take_them(clicker):
    found = evaluate(model_segmenter(clicker), IMAGES, "prompts").results
    clicks = found["several_clicks"]
    assert clicks.objects == found["clicks"].prompts > 0
    assert len(clicks.mean_iou) == SPEC.max_points
    # Both begin with one click in the middle of each region.
    assert clicks.mean_iou[0] == pytest.approx(found["clicks"].mean_iou)
    names = dict(numbers(found))
    assert names["several_clicks.mean_iou@3"] == pytest.approx(clicks.mean_iou[2])
    assert 1 <= names["several_clicks.noc@0.5"] <= 3


def test_a_model_of_one_point_has_no_such_figures():
    assert "several_clicks" not in evaluate(oracle_segmenter(IMAGES), IMAGES, "prompts").results


def detections(images, change=lambda box: box):
    """The boxes of all things, as a detector without any error finds them."""
    found = {}
    for index in range(len(images)):
        clip = images.read(index)
        things = np.flatnonzero(clip.classes < images.label_set.num_things)
        labels = [images.label_set.labels[place].category_id for place in clip.classes[things]]
        boxes = [change(tight_box(mask).astype(float)) for mask in clip.masks[things, 0]]
        found[clip.key] = FoundBoxes(
            np.reshape(boxes, (-1, 4)), np.array(labels, np.int64), np.ones(len(things), np.float32)
        )
    return found


def scored(boxes):
    segmenter = oracle_segmenter(IMAGES)
    scores = GivenBoxScores(segmenter, boxes, IMAGES.label_set)
    return evaluate(segmenter, IMAGES, "given-boxes", scores=scores).results["mask_ap"]


def test_masks_of_given_boxes_have_an_average_precision():
    # The middle of a box may lie on another segment than the one that it surrounds.
    perfect = scored(detections(IMAGES))
    assert 0.5 < perfect.ap <= 1
    assert scored(detections(IMAGES, lambda box: box + np.array([40, 0, 40, 0]))).ap < 0.5 * perfect.ap
    assert scored({}).ap == 0


def test_boxes_are_cut_at_the_image_and_unknown_classes_left_out():
    boxes = np.array([[-5.0, -5, 30, 20], [0, 0, 0.5, 9], [10, 10, 900, 900]])
    found = FoundBoxes(boxes, np.array([1, 2, 12_345]), np.ones(3, np.float32)).within(64, 48)
    assert found.boxes.tolist() == [[0, 0, 30, 20], [10, 10, 48, 64]]
    unknown = {
        clip: each._replace(categories=each.categories + 10**6) for clip, each in detections(IMAGES).items()
    }
    assert scored(unknown).ap == 0


def test_a_model_without_boxes_is_refused():
    segmenter = oracle_segmenter(IMAGES, prompts=msgspec.structs.replace(PROMPT_SPEC, boxes=False))
    with pytest.raises(InputError, match="oracle takes one point, no boxes; take another model"):
        GivenBoxScores(segmenter, {}, IMAGES.label_set)


def test_the_task_without_boxes_says_how_to_give_them(clicker):
    with pytest.raises(InputError, match=r"'given-boxes' of clicker_tiny.* without boxes; name a file"):
        evaluate(rapsam.model_segmenter(clicker), IMAGES, "given-boxes")
