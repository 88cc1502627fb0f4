from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rapsam.metrics.tracking_quality import TrackingAccumulator
from tests.metrics.scenes import CLASSES, THINGS, overlaps_of, random_frames, spoiled


def quality(predicted, reference, crowd=()):
    accumulator = TrackingAccumulator(CLASSES, THINGS)
    accumulator.add(overlaps_of(predicted, reference), np.array(crowd, np.int32))
    return accumulator.result()


def test_a_perfect_prediction():
    reference = [[[1000, 1000, 2001, 3]]] * 4
    found = quality(reference, reference)
    assert (found.stq, found.association_quality, found.segmentation_quality) == (1, 1, 1)


def test_numbers_of_tracks_do_not_matter():
    found = quality([[[8000, 1001, 3]]] * 4, [[[1000, 2001, 3]]] * 4)
    assert found.stq == 1


def test_an_identity_switch_in_the_middle():
    reference = [[[1000, 3]]] * 4
    predicted = [[[1000, 3]]] * 2 + [[[2000, 3]]] * 2
    found = quality(predicted, reference)
    # Two tracks of 2 of the 4 pixels, each with IoU 1/2: 1/4 * (2 * 1/2 + 2 * 1/2).
    assert found.association_quality == 0.5
    assert found.segmentation_quality == 1
    assert math.isclose(found.stq, math.sqrt(0.5))


def test_one_class_wrong_costs_segmentation_only():
    reference = [[[1000, 2001, 3, 3]]] * 4
    predicted = [[[1000, 2002, 3, 3]]] * 4
    found = quality(predicted, reference)
    assert found.association_quality == 1
    # Classes 0 and 3 have IoU 1, the missed class 1 and the extra class 2 have 0.
    assert found.segmentation_quality == 0.5


def test_a_track_that_reaches_beyond_its_object():
    # The track has 3 pixels, 2 of them on the object: 1/2 * 2 * 2/3. Stuff loses one of its 2 pixels.
    found = quality([[[1000, 1000, 1000, 3]]], [[[1000, 1000, 3, 3]]])
    assert math.isclose(found.association_quality, 2 / 3)
    assert math.isclose(found.segmentation_quality, (2 / 3 + 1 / 2) / 2)


def test_every_object_counts_the_same():
    # A large object that is found and a small one that is missed.
    found = quality([[[1000] * 9 + [3]]], [[[1000] * 9 + [2000]]])
    assert found.association_quality == 0.5


def test_crowd_is_left_out_of_association():
    found = quality([[[1000, 1000, 3]]], [[[1000, 9000, 3]]], crowd=[9000])
    assert found.association_quality == 1
    # Without the flag the track is on two objects, with IoU 1/2 each.
    assert quality([[[1000, 1000, 3]]], [[[1000, 9000, 3]]]).association_quality == 0.5


def test_void_of_the_reference():
    found = quality([[[1000, 1000, 3]]], [[[1000, CLASSES, 3]]])
    assert found.association_quality == 0.5
    assert found.segmentation_quality == 1


def test_predicted_void_is_missed():
    found = quality([[[1000, CLASSES]]], [[[1000, 1000]]])
    # Void is one more class, with IoU 0, as in the published program.
    assert (found.association_quality, found.segmentation_quality) == (0.25, 0.25)


def test_without_objects_there_is_no_association():
    found = quality([[[3, 4]]], [[[3, 3]]])
    assert math.isnan(found.association_quality)
    assert math.isnan(found.stq)
    assert found.segmentation_quality == 0.25


def by_definition(predicted, reference, crowd):
    """Computes AQ pixel by pixel, as the formula is written."""
    qualities = []
    of_things = (reference % 1000 < THINGS) & ~np.isin(reference, crowd)
    tracked = (predicted % 1000 < THINGS) & ~np.isin(reference, crowd)
    for wanted in np.unique(reference[of_things]):
        object_pixels = reference == wanted
        total = 0.0
        for track in np.unique(predicted[tracked]):
            track_pixels = tracked & (predicted == track)
            both, either = (object_pixels & track_pixels).sum(), (object_pixels | track_pixels).sum()
            total += both * both / either
        qualities.append(total / object_pixels.sum())
    return np.mean(qualities) if qualities else float("nan")


@given(seed=st.integers(0, 1000))
def test_association_by_definition(seed):
    reference = random_frames(seed)
    predicted = spoiled(reference, seed)
    found = quality(predicted, reference, crowd=[2000])
    np.testing.assert_allclose(found.association_quality, by_definition(predicted, reference, [2000]))
