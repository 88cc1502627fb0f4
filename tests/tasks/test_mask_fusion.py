"""Leaving out masks that cannot matter must not change the outcome of the fusion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.mask_fusion import COVERED, fuse_masks
from rapsam.tasks.resize import to_original


def contest_of_all(mask_logits, scores, geometry):
    """The definition: every mask is enlarged everywhere."""
    with np.errstate(over="ignore"):
        inverse = 1 + np.exp(-to_original(mask_logits, geometry))
    winners = (scores[:, None, None] / inverse).argmax(axis=0)
    covered = 1 / inverse >= COVERED
    confident = np.take_along_axis(covered, winners[None], axis=0)[0]
    won = np.bincount(winners.ravel(), minlength=len(scores))
    return winners, confident, won, covered.sum(axis=(1, 2))


def discs(rng, count, size):
    y, x = np.mgrid[: size[0], : size[1]]
    centres, radii = rng.uniform(0, max(size), (count, 2)), rng.uniform(1, max(size) / 3, count)
    return np.stack(
        [r - np.hypot(y - cy, x - cx) for (cy, cx), r in zip(centres, radii, strict=True)]
    ).astype(np.float32)


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 12),
    sharpness=st.floats(0.01, 20),
    content=st.tuples(st.integers(1, 128), st.integers(1, 160)),
    original=st.tuples(st.integers(1, 200), st.integers(1, 200)),
)
def test_equals_the_contest_of_all_masks(seed, count, sharpness, content, original):
    rng = np.random.default_rng(seed)
    mask_logits = discs(rng, count, (32, 40)) * np.float32(sharpness)
    scores = rng.uniform(0.1, 1, count).astype(np.float32)
    geometry = ImageGeometry(padded_size=(128, 160), content_size=content, original_size=original)
    assert_equal(fuse_masks(mask_logits, scores, geometry), contest_of_all(mask_logits, scores, geometry))


@pytest.mark.parametrize("logit", [-90.0, -1e-8, 0.0, 1e-8, 90.0])
def test_equal_masks_go_to_the_first(logit):
    geometry = ImageGeometry(padded_size=(32, 32), content_size=(32, 32), original_size=(70, 70))
    mask_logits = np.full((3, 8, 8), logit, np.float32)
    scores = np.full(3, 0.5, np.float32)
    found = fuse_masks(mask_logits, scores, geometry)
    assert (found.winners == 0).all()
    assert_equal(found, contest_of_all(mask_logits, scores, geometry))


def test_a_mask_that_wins_nothing_still_owns_what_it_covers():
    geometry = ImageGeometry(padded_size=(32, 32), content_size=(32, 32), original_size=(32, 32))
    mask_logits = np.stack([np.full((8, 8), 9), np.full((8, 8), 8)]).astype(np.float32)
    found = fuse_masks(mask_logits, np.array([0.9, 0.5], np.float32), geometry)
    np.testing.assert_array_equal(found.won, [1024, 0])
    np.testing.assert_array_equal(found.own, [1024, 1024])
