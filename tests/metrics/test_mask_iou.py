from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.metrics.mask_iou import mask_iou, match_masks


def random_masks(seed, count=5, size=(9, 11)):
    return np.random.default_rng(seed).random((count, *size)) < 0.5


@given(seed=st.integers(0, 1000))
def test_iou_by_definition(seed):
    one, other = random_masks(seed, 3), random_masks(seed + 1, 4)
    both = (one[:, None] & other[None]).sum(axis=(2, 3))
    either = (one[:, None] | other[None]).sum(axis=(2, 3))
    np.testing.assert_allclose(mask_iou(one, other), both / either)


def test_large_masks_are_counted_exactly():
    masks = random_masks(0, 2, (1500, 1100))
    shared = (masks[0] & masks[1]).sum()
    assert mask_iou(masks, masks)[0, 1] == shared / (masks[0] | masks[1]).sum()


def test_two_empty_masks_are_equal():
    empty, full = np.zeros((1, 4, 4), bool), np.ones((1, 4, 4), bool)
    assert mask_iou(empty, empty).item() == 1
    assert mask_iou(empty, full).item() == 0


@given(seed=st.integers(0, 1000))
def test_matching_undoes_a_permutation(seed):
    masks = random_masks(seed)
    order = np.random.default_rng(seed).permutation(5)
    matched = match_masks(masks[order], masks)
    np.testing.assert_array_equal(matched.second, order)
    np.testing.assert_array_equal(matched.ious, 1)
    assert matched.mean_iou == 1


def test_matching_is_best_overall():
    one = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0]], bool)
    other = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0]], bool)
    matched = match_masks(one, other)
    # The first pairs worse with its favourite so that the second can have it.
    assert matched.second.tolist() == [1, 0]
    assert math.isclose(matched.mean_iou, (1 / 4 + 1) / 2)


def test_masks_without_a_partner_count_as_zero():
    masks = random_masks(2, 4)
    matched = match_masks(masks, masks[:3])
    assert len(matched.first) == 3
    assert matched.mean_iou == 0.75
    assert match_masks(masks, masks[:0]).mean_iou == 0
    assert math.isnan(match_masks(masks[:0], masks[:0]).mean_iou)


def test_unequal_masks_are_refused():
    with pytest.raises(InputError, match="expected bool masks of one size"):
        mask_iou(random_masks(0), random_masks(0, size=(9, 12)))
    with pytest.raises(InputError, match="expected bool masks of one size"):
        mask_iou(random_masks(0).astype(np.uint8), random_masks(0))
