from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.data.coco_records import Rle
from rapsam.data.rle import decode_mask, encode_mask
from rapsam.errors import InputError


@given(height=st.integers(1, 40), width=st.integers(1, 40), density=st.floats(0, 1), seed=st.integers(0, 99))
def test_round_trip(height, width, density, seed):
    mask = np.random.default_rng(seed).random((height, width)) < density
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


def test_known_code():
    mask = np.zeros((3, 4), bool)
    mask[1:, 1] = True
    assert encode_mask(mask) == Rle(size=(3, 4), counts="426")


def test_views_are_encoded():
    mask = np.random.default_rng(0).random((8, 9, 10)) < 0.5
    np.testing.assert_array_equal(decode_mask(encode_mask(mask[::2, 3].T)), mask[::2, 3].T)


@pytest.mark.parametrize("counts", ["426426426", "42", "é"])
def test_damaged_code_is_refused(counts):
    with pytest.raises(InputError, match=r"do not fill a mask of \[3, 4\]"):
        decode_mask(Rle(size=(3, 4), counts=counts))
