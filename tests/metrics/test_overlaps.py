from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.metrics.overlaps import check_classes, count_overlaps, sum_overlaps
from tests.metrics.scenes import as_array, overlaps_of, random_frames, spoiled


def as_dict(overlaps):
    keys = zip(overlaps.predicted.tolist(), overlaps.reference.tolist(), strict=True)
    return dict(zip(keys, overlaps.pixels.tolist(), strict=True))


def test_pairs_of_ids_are_counted():
    found = count_overlaps(as_array([[1, 1, 2]]), as_array([[7, 8, 8]]))
    assert as_dict(found) == {(1, 7): 1, (1, 8): 1, (2, 8): 1}


@given(seed=st.integers(0, 1000))
def test_frames_add_up_to_tubes(seed):
    reference = random_frames(seed)
    predicted = spoiled(reference, seed)
    frames = overlaps_of(predicted, reference)
    whole = count_overlaps(predicted.reshape(-1, 4), reference.reshape(-1, 4))
    assert as_dict(sum_overlaps(frames)) == as_dict(whole)


def test_large_ids_stay_apart():
    large = 2**31 - 1
    found = count_overlaps(as_array([[large, 0]]), as_array([[0, large]]))
    assert as_dict(found) == {(large, 0): 1, (0, large): 1}


def test_bad_maps_are_refused():
    with pytest.raises(InputError, match=r"\[1, 2\] and reference of \[1, 3\]"):
        count_overlaps(as_array([[0, 0]]), as_array([[0, 0, 0]]))
    with pytest.raises(InputError, match="reference map holds -1"):
        count_overlaps(as_array([[0]]), as_array([[-1]]))
    with pytest.raises(InputError, match=r"reference map holds class 9; expected 0\.\.5"):
        check_classes(count_overlaps(as_array([[5]]), as_array([[1009]])), 5)
    assert count_overlaps(np.zeros((0, 3), np.int32), np.zeros((0, 3), np.int32)).pixels.size == 0
