from __future__ import annotations

import numpy as np

from rapsam.metrics.overlaps import NO_CROWD, count_overlaps
from rapsam.metrics.segment_matching import match_segments
from tests.metrics.scenes import CLASSES, as_array


def matches(predicted, reference, crowd=NO_CROWD):
    found = match_segments(
        count_overlaps(as_array(predicted), as_array(reference)), np.asarray(crowd), CLASSES
    )
    return tuple(part.tolist() for part in found)


def test_half_is_not_enough():
    assert matches([[1000, 3]], [[1000, 1000]]) == ([], [], [3, 0], [0])
    assert matches([[1000, 1000, 3]], [[1000, 1000, 1000]]) == ([0], [2 / 3], [3], [])


def test_a_crowd_region_is_neither_found_nor_missed():
    assert matches([[1000, 1000]], [[7000, 7000]], [7000]) == ([], [], [], [])
    assert matches([[CLASSES, CLASSES]], [[7000, 7000]], [7000]) == ([], [], [], [])


def test_a_crowd_region_forgives_its_own_class_only():
    assert matches([[1001, 1001]], [[7000, 7000]], [7000]) == ([], [], [1], [])


def test_half_on_crowd_is_not_forgiven():
    assert matches([[1000, 1000]], [[7000, 3]], [7000]) == ([], [], [0], [3])


def test_void_and_crowd_forgive_together():
    # A third of the prediction lies on each of void, crowd and stuff.
    assert matches([[1000, 1000, 1000]], [[CLASSES, 7000, 3]], [7000]) == ([], [], [], [3])


def test_only_the_last_crowd_region_of_a_class_forgives():
    """As panopticapi has it; together they would hold two thirds of the prediction."""
    assert matches([[1000, 1000, 1000]], [[7000, 8000, 3]], [7000, 8000]) == ([], [], [0], [3])
    assert matches([[1000, 1000, 1000]], [[7000, 8000, 8000]], [7000, 8000]) == ([], [], [], [])


def test_pixels_on_crowd_count_into_a_union_those_on_void_do_not():
    assert matches([[1000] * 4], [[1000] * 3 + [7000]], [7000]) == ([0], [0.75], [], [])
    assert matches([[1000] * 4], [[1000] * 3 + [CLASSES]], [7000]) == ([0], [1.0], [], [])
