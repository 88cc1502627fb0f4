from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rapsam.tasks.run_mask import RunMask


@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_masks_come_back_as_they_were(height, width, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    packed = RunMask.of(mask)
    np.testing.assert_array_equal(packed.mask(), mask)
    assert packed.area == mask.sum()


def test_the_box_is_tight_and_moves():
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3] = mask[2, 3:6] = True
    packed = RunMask.of(mask)
    assert packed.box == (3, 2, 6, 4)
    moved = packed.moved((20, 30), 10, 5)
    expected = np.zeros((20, 30), bool)
    expected[5:11, 10:18] = mask
    np.testing.assert_array_equal(moved.mask(), expected)


def test_an_empty_mask_stays_empty():
    packed = RunMask.of(np.zeros((4, 5), bool)).moved((9, 9), 2, 2)
    assert packed.box == (0, 0, 0, 0)
    assert not packed.mask().any()


def test_a_disc_in_a_large_image_needs_little_memory():
    y, x = np.mgrid[:1000, :1000]
    assert RunMask.of(np.hypot(y - 500, x - 500) < 400).nbytes < 10_000
