from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rapsam.metrics.semantic_iou import SemanticAccumulator
from tests.metrics.scenes import CLASSES, as_array, random_frames, spoiled


def quality(predicted, reference):
    accumulator = SemanticAccumulator(CLASSES)
    accumulator.add(as_array(predicted), as_array(reference))
    return accumulator.result()


def test_worked_example():
    found = quality([[0, 0, 0, 3, 3]], [[0, 0, 3, 3, 3]])
    assert [(entry.class_index, entry.iou) for entry in found.per_class] == [(0, 2 / 3), (3, 2 / 3)]
    assert math.isclose(found.mean_iou, 2 / 3)


def test_instances_do_not_matter():
    assert quality([[1000, 2000, 3]], [[4000, 4000, 7003]]).mean_iou == 1


def test_void_is_left_out_of_the_reference_only():
    assert quality([[0, 1]], [[0, CLASSES]]).mean_iou == 1
    (entry,) = quality([[0, CLASSES]], [[0, 0]]).per_class
    assert entry.iou == 0.5


def test_a_class_that_is_only_predicted_counts():
    assert quality([[0, 1]], [[0, 0]]).mean_iou == 0.25


def test_nothing_to_compare_is_nan():
    assert math.isnan(quality([[0]], [[CLASSES]]).mean_iou)


@given(seed=st.integers(0, 1000))
def test_iou_by_definition(seed):
    reference = random_frames(seed)[0]
    predicted = spoiled(reference, seed)
    known = reference % 1000 < CLASSES
    for entry in quality(predicted, reference).per_class:
        ours, theirs = (ids % 1000 == entry.class_index for ids in (predicted, reference))
        assert entry.iou == (ours & theirs).sum() / ((ours & known) | theirs).sum()
    np.testing.assert_array_equal(
        [entry.class_index for entry in quality(predicted, reference).per_class],
        np.setdiff1d(np.union1d(predicted[known] % 1000, reference % 1000), [CLASSES]),
    )
