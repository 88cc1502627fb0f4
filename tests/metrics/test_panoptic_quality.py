from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.metrics.panoptic_quality import PanopticAccumulator, panoptic_quality

# Classes: 0 and 1 things, 2 stuff, 3 void.
CLASSES, THINGS, VOID = 3, 2, 3


def quality(predicted, reference):
    maps = (np.asarray(part, np.int32) for part in (predicted, reference))
    return panoptic_quality(*maps, num_classes=CLASSES, num_things=THINGS)


def random_map(seed, coarse=4):
    blocks = np.random.default_rng(seed).choice([1000, 2000, 3001, 4001, 2, VOID], (coarse, coarse))
    return np.kron(blocks, np.ones((3, 3), int)).astype(np.int32)


@given(seed=st.integers(0, 1000))
def test_identity_is_perfect(seed):
    one = random_map(seed)
    result = quality(one, one)
    if (one == VOID).all():
        assert math.isnan(result.pq)
    else:
        assert (result.pq, result.sq, result.rq) == (1, 1, 1)


@given(seed=st.integers(0, 1000))
def test_numbers_of_instances_do_not_matter(seed):
    one = random_map(seed)
    renumbered = np.where(one >= 1000, one + 7000, one)
    assert quality(renumbered, one).pq == quality(one, one).pq or (one == VOID).all()


@given(first=st.integers(0, 1000), second=st.integers(0, 1000))
def test_symmetric_without_void(first, second):
    one, other = (np.where(random_map(seed) == VOID, 2, random_map(seed)) for seed in (first, second))
    forward, backward = quality(one, other), quality(other, one)
    assert math.isclose(forward.pq, backward.pq)
    assert math.isclose(forward.sq, backward.sq)
    for ours, theirs in zip(forward.per_class, backward.per_class, strict=True):
        assert (ours.false_positives, ours.false_negatives) == (
            theirs.false_negatives,
            theirs.false_positives,
        )


def test_worked_example():
    # Reference: thing 0 on columns 0-3, thing 1 on 4-7, stuff on 8-9. Rows of 10 pixels.
    reference = [[1000] * 4 + [2001] * 4 + [2] * 2]
    # Thing 0 misses one of 4 pixels (IoU 3/4); thing 1 is cut in two halves (IoU 1/2, no match);
    # stuff takes one more pixel (IoU 2/3).
    predicted = [[1000] * 3 + [2] + [2001] * 2 + [3001] * 2 + [2] * 2]
    result = quality(predicted, reference)
    things, split, stuff = result.per_class
    assert (things.pq, things.true_positives) == (0.75, 1)
    assert (split.pq, split.false_positives, split.false_negatives) == (0, 2, 1)
    assert math.isclose(stuff.pq, 2 / 3)
    assert math.isclose(result.pq, (0.75 + 0 + 2 / 3) / 3)
    assert math.isclose(result.pq_things, 0.375)
    assert math.isclose(result.pq_stuff, 2 / 3)
    assert math.isclose(result.rq, (1 + 0 + 1) / 3)


def test_recognition_quality_counts_extra_and_missed_segments():
    reference = [[1000] * 4 + [2000] * 4 + [2] * 4]
    predicted = [[1000] * 4 + [2] * 8]
    thing, stuff = quality(predicted, reference).per_class
    assert (thing.true_positives, thing.false_negatives, thing.sq) == (1, 1, 1)
    assert math.isclose(thing.rq, 1 / 1.5)
    assert (stuff.false_positives, stuff.false_negatives) == (1, 1)


def test_reference_void_is_left_out():
    reference = [[1000] * 4 + [VOID] * 6]
    spilled = quality([[1000] * 8 + [VOID] * 2], reference)
    assert (spilled.pq, spilled.sq) == (1, 1)
    forgiven = quality([[1000] * 4 + [2001] * 6], reference)
    assert forgiven.pq == 1
    mostly_outside = quality([[2001] * 4 + [2001] * 3 + [VOID] * 3], reference)
    assert [found.false_positives for found in mostly_outside.per_class] == [0, 1]


def test_predicted_void_is_a_miss():
    result = quality([[VOID] * 4], [[1000] * 4])
    assert (result.pq, result.per_class[0].false_negatives) == (0, 1)


def test_pairs_are_counted_together():
    perfect, missed = np.full((2, 2), 1000, np.int32), np.full((2, 2), VOID, np.int32)
    result = panoptic_quality([perfect, missed], [perfect, perfect], CLASSES, THINGS)
    assert math.isclose(result.pq, 1 / 1.5)
    assert math.isnan(result.pq_stuff)


def test_nothing_to_compare_is_nan():
    void = np.full((2, 2), VOID, np.int32)
    result = panoptic_quality(void, void, CLASSES, THINGS)
    assert math.isnan(result.pq)
    assert result.per_class == ()


def test_unequal_maps_are_refused():
    small, large = np.zeros((2, 2), np.int32), np.zeros((2, 3), np.int32)
    with pytest.raises(InputError, match=r"\[2, 2\] and reference of \[2, 3\]"):
        panoptic_quality(small, large, CLASSES, THINGS)
    with pytest.raises(InputError, match="1 predicted and 2 reference maps"):
        panoptic_quality([small], [small, small], CLASSES, THINGS)


def test_unknown_class_is_refused():
    with pytest.raises(InputError, match=r"predicted map holds class 4; expected 0\.\.3"):
        quality([[1004]], [[1000]])


def test_crowd_regions_are_no_segments():
    accumulator = PanopticAccumulator(CLASSES, THINGS)
    reference = np.array([[1000, 1000, 8000, 8000]], np.int32)
    predicted = np.array([[1000, 1000, 2000, 2000]], np.int32)
    accumulator.add(predicted, reference, crowd=np.array([8000]))
    assert accumulator.result().pq == 1
    accumulator.add(predicted, reference)
    # Without the flag the region is an object like any other, and is found too.
    assert [found.true_positives for found in accumulator.result().per_class] == [3]


def test_instances_of_stuff_in_the_reference_are_segments_of_their_own():
    # Two regions of the stuff in the reference, one in the prediction, which fits the larger region.
    (stuff,) = quality([[2] * 5], [[1002, 1002, 1002, 1002, 2002]]).per_class
    assert (stuff.true_positives, stuff.sq, stuff.false_negatives) == (1, 0.8, 1)


def test_things_and_stuff_apart():
    result = quality([[1000, 1000, 2, 2, 2]], [[1000, 1000, 1000, 2, 2]])
    assert math.isclose(result.sq_things, 2 / 3)
    assert math.isclose(result.sq_stuff, 2 / 3)
    assert (result.rq_things, result.rq_stuff) == (1, 1)
