from __future__ import annotations

import numpy as np

from rapsam.metrics.panoptic_quality import PanopticAccumulator
from rapsam.metrics.reference_map import reference_ids, reference_map


def test_every_segment_has_its_own_id():
    masks = np.array([[[1, 1, 0, 0, 0]], [[0, 0, 1, 0, 0]], [[0, 0, 0, 1, 0]]], bool)
    classes = np.array([0, 3, 3])
    assert reference_ids(classes).tolist() == [1000, 2003, 3003]
    assert reference_map(masks, classes, 5).tolist() == [[1000, 1000, 2003, 3003, 5]]


def test_an_object_keeps_its_id_through_the_frames():
    masks = np.array([[[[1, 0]], [[0, 1]]]], bool)
    assert reference_map(masks, np.array([2]), 5).tolist() == [[[1002, 5]], [[5, 1002]]]


def test_without_segments_all_is_void():
    empty = reference_map(np.zeros((0, 2, 3), bool), np.zeros(0, np.int64), 5)
    np.testing.assert_array_equal(empty, np.full((2, 3), 5))


def test_segments_of_a_clip_are_compared_with_a_panoptic_map():
    # Two objects of class 0, the second a crowd region, then stuff and void.
    masks = np.array([[[1, 1, 0, 0, 0]], [[0, 0, 1, 0, 0]], [[0, 0, 0, 1, 0]]], bool)
    classes, crowd = np.array([0, 0, 3]), np.array([False, True, False])
    accumulator = PanopticAccumulator(num_classes=5, num_things=3)
    predicted = np.array([[1000, 1000, 2000, 3, 2001]], np.int32)
    accumulator.add(predicted, reference_map(masks, classes, 5), reference_ids(classes)[crowd])
    result = accumulator.result()
    assert result.pq == 1
    assert [(found.class_index, found.true_positives) for found in result.per_class] == [(0, 1), (3, 1)]
