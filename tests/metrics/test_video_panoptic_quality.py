from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.metrics.panoptic_quality import PanopticAccumulator
from rapsam.metrics.video_panoptic_quality import VideoPanopticAccumulator
from tests.metrics.scenes import CLASSES, THINGS, overlaps_of, random_frames, spoiled


def quality(predicted, reference, windows=(1, 2, 4, 6), crowd=()):
    accumulator = VideoPanopticAccumulator(CLASSES, THINGS, windows)
    accumulator.add(overlaps_of(predicted, reference), np.array(crowd, np.int32))
    return accumulator.result()


def of_windows(result):
    return [window.quality.pq for window in result.windows]


def test_an_identity_switch_in_the_middle_costs_the_windows_across_it():
    reference = [[[1000, 3]]] * 6
    predicted = [[[1000, 3]]] * 3 + [[[2000, 3]]] * 3
    result = quality(predicted, reference)
    assert [window.frames for window in result.windows] == [1, 2, 4, 6]
    # k = 1: nothing is wrong. k = 2: five windows, in the middle one each half has IoU 1/2: no match.
    # k = 4: three windows, split 3+1, 2+2, 1+3: two matches of IoU 3/4, each with an extra tube of a frame.
    # k = 6: one window, split 3+3: no match.
    things = [1, 4 / (4 + 2 / 2 + 1 / 2), 2 * 0.75 / (2 + 4 / 2 + 1 / 2), 0]
    # Each extra tube is one false positive: 2 in the middle window of k = 2; 1 + 2 + 1 for k = 4.
    np.testing.assert_allclose([window.quality.pq_things for window in result.windows], things)
    assert [window.quality.pq_stuff for window in result.windows] == [1, 1, 1, 1]
    assert math.isclose(result.vpq, np.mean([(thing + 1) / 2 for thing in things]))
    assert math.isclose(result.vpq_things, np.mean(things))
    assert result.vpq_stuff == 1


def test_one_class_wrong_loses_that_class_at_every_length():
    reference = [[[1000, 2001, 3]]] * 6
    predicted = [[[1000, 2002, 3]]] * 6
    # Classes 0 and 3 are right, 1 is missed and 2 is extra.
    assert of_windows(quality(predicted, reference)) == [0.5] * 4


def test_a_tube_needs_more_than_half_over_all_frames_together():
    # The object has 1 and then 5 pixels; the prediction misses the first frame and has the second.
    reference = [[[1000] + [3] * 5], [[1000] * 5 + [3]]]
    predicted = [[[CLASSES] + [3] * 5], [[1000] * 5 + [3]]]
    (pair,) = quality(predicted, reference, windows=[2]).windows
    thing = pair.quality.per_class[0]
    assert (thing.true_positives, thing.false_negatives) == (1, 0)
    assert math.isclose(thing.sq, 5 / 6)


@given(seed=st.integers(0, 1000))
def test_windows_of_one_frame_are_panoptic_quality(seed):
    reference = random_frames(seed)
    predicted = spoiled(reference, seed)
    images = PanopticAccumulator(CLASSES, THINGS)
    for one, other in zip(predicted, reference, strict=True):
        images.add(one, other, np.array([2000]))
    (found,) = quality(predicted, reference, windows=[1], crowd=[2000]).windows
    assert found.quality == images.result()


@given(seed=st.integers(0, 1000), length=st.integers(2, 6))
def test_a_tube_is_a_segment_of_the_frames_side_by_side(seed, length):
    reference = random_frames(seed)
    predicted = spoiled(reference, seed)
    images = PanopticAccumulator(CLASSES, THINGS)
    for start in range(7 - length + 1):
        window = slice(start, start + length)
        images.add(np.concatenate(predicted[window]), np.concatenate(reference[window]))
    (found,) = quality(predicted, reference, windows=[length]).windows
    assert found.quality == images.result()


def test_short_videos_are_left_out_of_long_windows():
    result = quality([[[1000, 3]]] * 3, [[[1000, 3]]] * 3)
    assert of_windows(result)[:2] == [1, 1]
    assert all(math.isnan(pq) for pq in of_windows(result)[2:])
    assert result.vpq == 1
    assert math.isnan(quality([], []).vpq)


def test_crowd_regions_count_in_no_window():
    reference = [[[1000, 9001]]] * 6
    assert quality(reference, reference, crowd=[9001]).windows[3].quality.per_class[0].class_index == 0
    assert len(quality(reference, reference, crowd=[9001]).windows[3].quality.per_class) == 1


@pytest.mark.parametrize("windows", [(1, 2, 4, 6), (3,)])
def test_a_perfect_prediction(windows):
    reference = random_frames(3)
    assert quality(reference, reference, windows).vpq == 1
