"""What graphs get of points, boxes and masks: every slot, and nothing that was not asked for."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rapsam.errors import InputError
from rapsam.tasks.candidates import chosen_candidates, stability_scores, stability_to_choose
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import Prompt, PromptSet
from rapsam.tasks.resize import to_original
from tests.point_family import SPEC

GEOMETRY = ImageGeometry(padded_size=(64, 64), content_size=(48, 64), original_size=(96, 128))


def encoded(*prompts, spec=SPEC):
    return encode_prompts(PromptSet(prompts), spec, GEOMETRY)


def prompt(*points, **more):
    return Prompt(points=points, positive=(True,) * len(points), **more)


def test_points_come_first_then_padding_then_nothing():
    found = encoded(Prompt(points=((10, 20), (30.5, 40)), positive=(True, False)))
    assert found["points"].shape == (1, 1, 5, 2)
    assert found["point_labels"].tolist() == [[[1, 0, -1, -2, -2]]]
    assert found["points"][0, 0].tolist() == [[5, 10], [15.25, 20], [0, 0], [0, 0], [0, 0]]
    assert {tensor.dtype for tensor in found.values()} == {np.dtype(np.float32)}


def test_a_box_takes_the_place_of_the_padding():
    found = encoded(prompt((10, 20), box=(2, 4, 6, 8)), Prompt(box=(2, 4, 6, 8)))
    assert found["point_labels"].tolist() == [[[1, 2, 3, -2, -2], [2, 3, -2, -2, -2]]]
    assert found["points"][0, 0, 1:3].tolist() == [[1, 2], [3, 4]]


def test_as_many_points_as_there_are_fill_all_slots():
    found = encoded(prompt((1, 1), (2, 2), (3, 3), box=(2, 4, 6, 8)), prompt((1, 1), (2, 2), (3, 3)))
    assert found["point_labels"].tolist() == [[[1, 1, 1, 2, 3], [1, 1, 1, -1, -2]]]


def test_without_boxes_there_is_a_slot_for_the_padding():
    spec = msgspec.structs.replace(SPEC, boxes=False, points_with_box=False)
    assert encoded(prompt((1, 1), (2, 2), (3, 3)), spec=spec)["point_labels"].tolist() == [[[1, 1, 1, -1]]]


def test_a_mask_is_told_from_none():
    mask = np.arange(256, dtype=np.float32).reshape(16, 16)
    found = encoded(prompt((1, 1)), Prompt(mask=mask))
    assert found["has_mask_prompt"].tolist() == [[0, 1]]
    assert not found["mask_prompt"][0, 0].any()
    np.testing.assert_array_equal(found["mask_prompt"][0, 1, 0], mask)
    assert found["point_labels"][0, 1].tolist() == [-2] * 5


def test_a_model_without_masks_gets_none():
    spec = msgspec.structs.replace(SPEC, masks=False, mask_stride=None)
    assert list(encoded(prompt((1, 1)), spec=spec)) == list(spec.roles) == ["points", "point_labels"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (prompt((1, 1), (2, 2), (3, 3), (4, 4)), r"prompt 2 has 4 points; this model takes up to 3 points"),
        (Prompt(points=((1, 1),), positive=(2,)), "prompt 2 has the label 2, expected 1 in the region or 0"),
        (Prompt(points=((1, 1),), positive=(-1,)), "prompt 2 has the label -1"),
        (Prompt(points=((1, 1),), positive=("yes",)), "prompt 2 has the label 'yes'"),
        (prompt((128, 1)), "point 128,1 is outside the image"),
        (Prompt(box=(5, 5, 5, 9)), "box 5,5,5,9 is empty"),
        (
            Prompt(mask=np.zeros((32, 32), np.float32)),
            r"prompt 2 is float32 \[32, 32\]; .*\[16, 16\]",
        ),
        (Prompt(mask=np.zeros((16, 16), np.bool_)), r"mask of prompt 2 is bool"),
        (Prompt(mask=np.full((16, 16), np.nan, np.float32)), "mask of prompt 2 holds NaN"),
    ],
)
def test_what_cannot_be_asked_is_refused(bad, says):
    with pytest.raises(InputError, match=says):
        encoded(prompt((1, 1)), bad)


@pytest.mark.parametrize(
    "changes",
    [
        {"point_radius": 3.0},
        {"masks": False},
        {"mask_stride": None},
        {"single": 4},
        {"candidates": 1},
        {"single": -1},
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes):
    with pytest.raises(InputError):
        type(SPEC)(**(msgspec.to_builtins(SPEC) | changes))


def test_ambiguous_prompts_mean_the_best_of_those_that_are_made_for_them():
    scores = np.array([[0.99, 0.1, 0.5, 0.5], [0.1, 0.9, 0.2, 0.3]], np.float32)
    assert chosen_candidates(SPEC, scores, np.array([True, False])).tolist() == [2, 0]
    alike = msgspec.structs.replace(SPEC, single=None)
    assert chosen_candidates(alike, scores, np.array([True, False])).tolist() == [0, 1]


@pytest.mark.parametrize("original", [(96, 128), (300, 400), (7, 9)])
def test_stability_counts_pixels_of_the_image(original):
    y, x = np.mgrid[:16, :16]
    disc = 6.0 - np.hypot(y - 5, x - 7)
    logits = np.stack([disc, 9 * disc, np.full(y.shape, 2.0), np.full(y.shape, -2.0), np.zeros(y.shape)])
    logits = logits.astype(np.float32)
    geometry = ImageGeometry(padded_size=(64, 64), content_size=(48, 64), original_size=original)
    enlarged = to_original(logits, geometry)
    core, reach = ((enlarged > level).sum(axis=(1, 2)) for level in (1, -1))
    expected = core / np.maximum(reach, 1)
    np.testing.assert_allclose(stability_scores(logits, geometry), expected, atol=1e-6)
    assert expected[2:].tolist() == [1, 0, 0]


def test_stability_is_measured_of_those_only_among_which_is_chosen():
    logits = np.random.default_rng(3).normal(size=(3, SPEC.candidates, 8, 8)).astype(np.float32)
    geometry = ImageGeometry(padded_size=(32, 32), content_size=(32, 24), original_size=(50, 37))
    ambiguous = np.array([True, False, True])
    every = stability_scores(logits.reshape(-1, 8, 8), geometry).reshape(3, -1)
    found = stability_to_choose(SPEC, logits, geometry, ambiguous)
    offered = np.isin(np.arange(SPEC.candidates), SPEC.offered)
    np.testing.assert_array_equal(found, every * (ambiguous[:, None] & offered))
    assert (chosen_candidates(SPEC, found, ambiguous) == chosen_candidates(SPEC, every, ambiguous)).all()
    without = msgspec.structs.replace(SPEC, single=None)
    np.testing.assert_array_equal(stability_to_choose(without, logits, geometry, ambiguous), every)
