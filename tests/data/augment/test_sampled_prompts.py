"""Prompts for training: on their masks, every mask in turn, boxes only where they may be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.data.augment.prompts import sample_prompts
from rapsam.tasks.instances import tight_box
from rapsam.tasks.prompt import POINT_RADIUS

SIZE = (40, 60)


def _masks(seed, count):
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, *SIZE), bool)
    for mask in masks:
        y, x = rng.integers(0, SIZE[0] - 8), rng.integers(0, SIZE[1] - 8)
        mask[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = True
    return masks


def _pixels(boxes):
    return boxes * np.array([SIZE[1], SIZE[0], SIZE[1], SIZE[0]])


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 20))
def test_clicks_lie_on_the_masks_that_they_want(seed, count, prompts):
    masks = _masks(seed, count)
    drawn = sample_prompts(np.random.default_rng(seed), masks, np.zeros(count, bool), prompts, 1.0)
    assert drawn.boxes.shape == (prompts, 4)
    x1, y1, x2, y2 = _pixels(drawn.boxes).T
    # Centre noise is at most 0.2 % of the click's 6 pixels; a click at the border is cut to the image.
    assert np.allclose((x1 + x2) / 2, np.round((x1 + x2) / 2), atol=0.02)
    for x, y, target in zip((x1 + x2) / 2, (y1 + y2) / 2, drawn.targets, strict=True):
        assert masks[target, round(float(y)), round(float(x))]
    assert np.allclose(x2 - x1, 2 * POINT_RADIUS, rtol=0.005)


def test_inner_clicks_keep_away_from_the_border():
    mask = np.zeros((1, *SIZE), bool)
    mask[0, 5:36, 10:31] = True  # the deepest pixels are 11 from the outside
    drawn = sample_prompts(np.random.default_rng(0), mask, np.zeros(1, bool), 500, 1.0, clicks="inner")
    x1, y1, x2, y2 = _pixels(drawn.boxes).T
    x, y = np.round((x1 + x2) / 2), np.round((y1 + y2) / 2)
    assert (x.min(), x.max(), y.min(), y.max()) == (15, 25, 10, 30)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 20))
def test_all_masks_have_their_turn(seed, count, prompts):
    drawn = sample_prompts(
        np.random.default_rng(seed), _masks(seed, count), np.zeros(count, bool), prompts, 0.0
    )
    times = np.bincount(drawn.targets, minlength=count)
    assert times.max() - times.min() <= 1


def test_boxes_surround_things_and_are_off_by_a_little():
    masks = _masks(4, 3)
    may = np.array([True, False, True])
    drawn = sample_prompts(np.random.default_rng(0), masks, may, 30, 1.0)
    for box, target in zip(_pixels(drawn.boxes), drawn.targets, strict=True):
        wanted = tight_box(masks[target]).astype(float)
        if may[target]:
            assert box == pytest.approx(wanted, abs=0.004 * max(SIZE))
        else:
            assert box[2] - box[0] == pytest.approx(2 * POINT_RADIUS, rel=0.005)


def test_half_of_the_things_are_asked_for_by_boxes():
    masks = _masks(4, 2)
    drawn = sample_prompts(np.random.default_rng(0), masks, np.ones(2, bool), 1000, 0.5)
    widths = _pixels(drawn.boxes)[:, 2] - _pixels(drawn.boxes)[:, 0]
    box_widths = np.array([np.ptp(np.nonzero(mask.any(axis=0))[0]) + 1 for mask in masks])[drawn.targets]
    boxes = np.isclose(widths, box_widths, rtol=0.005)
    assert 0.42 < boxes.mean() < 0.58
