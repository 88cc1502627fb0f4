from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from rapsam.errors import InputError
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.resize import (
    axis_matrix,
    enlarged_blocks,
    original_tiles,
    resize_image,
    resize_maps,
    to_original,
)

sides = st.integers(1, 70)


def interpolated(maps, size):
    tensor = torch.from_numpy(maps)[None]
    return F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)[0].numpy()


@given(source=sides, target=sides)
def test_rows_of_an_axis_sum_to_one(source, target):
    matrix = axis_matrix(source, target)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)
    assert matrix.min() >= 0
    assert (np.count_nonzero(matrix, axis=1) <= 2).all()


@given(side=sides)
def test_same_size_is_identity(side):
    np.testing.assert_array_equal(axis_matrix(side, side), np.eye(side))


@given(h=sides, w=sides, height=sides, width=sides, seed=st.integers(0, 99))
def test_maps_agree_with_torch(h, w, height, width, seed):
    maps = np.random.default_rng(seed).normal(0, 5, (2, h, w)).astype(np.float32)
    np.testing.assert_allclose(
        resize_maps(maps, (height, width)), interpolated(maps, (height, width)), atol=1e-4
    )


@given(h=sides, w=sides, height=sides, width=sides, seed=st.integers(0, 99))
def test_images_agree_with_torch(h, w, height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
    channels = np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32)
    expected = interpolated(channels, (height, width)).transpose(1, 2, 0)
    resized = resize_image(image, (height, width))
    assert resized.dtype == np.uint8
    assert np.abs(resized - expected).max() <= 0.5 + 1e-3


@given(h=sides, w=sides, height=sides, width=sides, value=st.integers(0, 255))
def test_constant_image_stays_constant(h, w, height, width, value):
    resized = resize_image(np.full((h, w, 3), value, np.uint8), (height, width))
    assert resized.shape == (height, width, 3)
    assert (resized == value).all()


def test_half_is_rounded_up():
    assert resize_image(np.array([[[0], [1]]], np.uint8), (1, 1)).item() == 1


def test_result_does_not_share_memory():
    image = np.zeros((4, 4, 3), np.uint8)
    resize_image(image, (4, 4))[:] = 9
    assert image.max() == 0


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8)])
def test_other_arrays_are_refused(image):
    with pytest.raises(InputError, match="expected uint8"):
        resize_image(image, (2, 2))


@given(
    content=st.tuples(st.integers(1, 64), st.integers(1, 96)),
    original=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    seed=st.integers(0, 99),
)
def test_to_original_equals_the_three_steps(content, original, seed):
    mask_logits = np.random.default_rng(seed).normal(0, 5, (3, 16, 24)).astype(np.float32)
    geometry = ImageGeometry(padded_size=(64, 96), content_size=content, original_size=original)
    padded = interpolated(mask_logits, (64, 96))
    expected = interpolated(np.ascontiguousarray(padded[:, : content[0], : content[1]]), original)
    np.testing.assert_allclose(to_original(mask_logits, geometry), expected, atol=2e-4)


def test_tiles_of_a_large_photograph_stay_small_and_cover_it_once():
    geometry = ImageGeometry(padded_size=(64, 64), content_size=(48, 64), original_size=(3000, 4000))
    mask_logits = np.ones((2, 16, 16), np.float32)
    covered = np.zeros(geometry.original_size, np.uint8)
    for tile in original_tiles((16, 16), geometry):
        values = tile.enlarged(tile.source_of(mask_logits))
        assert values.nbytes < 1e5
        covered[tile.place] += 1
        np.testing.assert_allclose(values, 1, atol=1e-6)
    assert (covered == 1).all()


@given(
    content=st.tuples(st.integers(1, 64), st.integers(1, 96)),
    original=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    above=st.sampled_from([-1.0, 0.0, 2.0, 9.0, np.inf]),
    seed=st.integers(0, 99),
)
def test_blocks_hold_what_tiles_hold_and_leave_nothing_out_above_the_value(content, original, above, seed):
    random = np.random.default_rng(seed)
    mask_logits = random.normal(-4, 3, (16, 24)).astype(np.float32)
    geometry = ImageGeometry(padded_size=(64, 96), content_size=content, original_size=original)
    expected = np.empty(original, np.float32)
    for tile in original_tiles((16, 24), geometry):
        expected[tile.place] = tile.enlarged(tile.source_of(mask_logits[None]))[0]
    times = np.zeros(original, np.uint8)
    for block in enlarged_blocks(mask_logits, geometry, above):
        np.testing.assert_allclose(block.values, expected[block.place], atol=1e-5)
        times[block.place] += 1
    assert times.max(initial=0) <= 1
    assert not (expected[times == 0] > above + 1e-5).any()


def test_what_is_no_number_stays_so():
    mask_logits = np.zeros((2, 16, 16), np.float32)
    mask_logits[0] = np.nan
    geometry = ImageGeometry(padded_size=(64, 64), content_size=(64, 48), original_size=(40, 30))
    found = to_original(mask_logits, geometry)
    assert np.isnan(found[0]).all()
    assert not found[1].any()
