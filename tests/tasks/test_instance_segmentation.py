from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.instances import instance_segmentation, rank_pairs, tight_box
from tests.golden_files import golden

GEOMETRY = ImageGeometry(padded_size=(32, 32), content_size=(32, 20), original_size=(25, 30))


def random_logits(seed, queries=9, classes=6):
    rng = np.random.default_rng(seed)
    class_logits = rng.normal(0, 3, (queries, classes + 1)).astype(np.float32)
    return class_logits, rng.normal(0, 4, (queries, 8, 8)).astype(np.float32)


def test_golden():
    stored = golden("postproc_synth")
    geometry = ImageGeometry(
        padded_size=stored["mask"].shape[1:],
        content_size=tuple(stored["img_shape"].tolist()),
        original_size=tuple(stored["ori_shape"].tolist()),
    )
    found = instance_segmentation(stored["cls"], stored["mask"], geometry, 80)
    np.testing.assert_allclose(found.scores, stored["ins_scores"], atol=1e-6)
    np.testing.assert_array_equal(found.labels, stored["ins_labels"])
    np.testing.assert_array_equal(found.boxes, stored["ins_bboxes"])
    shape = stored["ins_masks_shape"].tolist()
    masks = np.unpackbits(stored["ins_masks_packed"], axis=1, count=shape[1] * shape[2]).reshape(shape)
    np.testing.assert_array_equal(found.masks, masks.astype(bool))


@given(seed=st.integers(0, 10_000), num_things=st.integers(0, 6), top_k=st.integers(1, 60))
def test_instances_describe_their_masks(seed, num_things, top_k):
    found = instance_segmentation(*random_logits(seed), GEOMETRY, num_things, top_k=top_k)
    assert len(found.scores) <= top_k
    assert found.masks.shape == (len(found.scores), 25, 30)
    assert found.masks.dtype == np.bool_
    assert (np.diff(found.scores) <= 0).all()
    assert (found.labels < num_things).all()
    assert len(set(zip(found.queries.tolist(), found.labels.tolist(), strict=True))) == len(found.scores)
    for mask, box in zip(found.masks, found.boxes, strict=True):
        np.testing.assert_array_equal(box, tight_box(mask))


@given(seed=st.integers(0, 1000), min_score=st.floats(0.01, 0.9))
def test_min_score_only_leaves_out(seed, min_score):
    logits = random_logits(seed)
    everything = instance_segmentation(*logits, GEOMETRY, 6)
    best = instance_segmentation(*logits, GEOMETRY, 6, min_score=min_score)
    keep = everything.scores >= np.float32(min_score)
    np.testing.assert_array_equal(best.scores, everything.scores[keep])
    np.testing.assert_array_equal(best.masks, everything.masks[keep])
    np.testing.assert_array_equal(best.queries, everything.queries[keep])


def test_stuff_is_dropped_after_the_top_k():
    class_logits = np.zeros((2, 4), np.float32)
    class_logits[0, 2], class_logits[1, 0] = 9, 5
    mask_logits = np.ones((2, 8, 8), np.float32)
    assert len(instance_segmentation(class_logits, mask_logits, GEOMETRY, 2, top_k=1).scores) == 0
    assert instance_segmentation(class_logits, mask_logits, GEOMETRY, 2, top_k=2).labels.tolist() == [0]


def test_ranks_fall_and_leave_void_out():
    class_logits, _ = random_logits(1)
    pairs = rank_pairs(class_logits, 6, top_k=30)
    assert (np.diff(pairs.probabilities) <= 0).all()
    assert pairs.labels.max() < 6
    powers = np.exp(class_logits.astype(float))
    expected = powers[pairs.queries, pairs.labels] / powers.sum(axis=1)[pairs.queries]
    np.testing.assert_allclose(pairs.probabilities, expected, rtol=1e-5)


def test_empty_mask_has_an_empty_box_and_no_score():
    class_logits, mask_logits = random_logits(0)
    found = instance_segmentation(class_logits, np.full_like(mask_logits, -5), GEOMETRY, 6)
    assert not found.boxes.any()
    assert not found.scores.any()


def test_box_ends_are_exclusive():
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:7] = True
    assert tight_box(mask).tolist() == [3, 2, 7, 4]


def test_logits_that_do_not_fit_are_refused():
    class_logits, mask_logits = random_logits(0)
    with pytest.raises(InputError, match="the first of 9 queries"):
        instance_segmentation(class_logits, mask_logits[:5], GEOMETRY, 6)
