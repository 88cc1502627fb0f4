"""Resize, flip and crop in one step are what they are one after the other, for images and masks alike."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rapsam.data.augment.view import View, random_view, resized_by, view_image, view_masks
from rapsam.tasks.resize import resize_image

sizes = st.tuples(st.integers(5, 40), st.integers(5, 40))


@st.composite
def views(draw):
    resized, crop = draw(sizes), draw(sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    return random_view(rng, resized, crop, mirrored=draw(st.booleans()))


@given(sizes, views(), st.integers(0, 2**31))
def test_a_view_is_resize_then_flip_then_crop(original, view, seed):
    image = np.random.default_rng(seed).integers(0, 256, (*original, 3), np.uint8)
    whole = resize_image(image, view.resized)
    whole = whole[:, ::-1] if view.mirrored else whole
    wanted = whole[view.top : view.top + view.crop[0], view.left : view.left + view.crop[1]]
    found = view_image(image, view)
    assert found.shape[:2] == view.content
    assert np.array_equal(found, wanted)


@given(sizes, views(), st.integers(0, 2**31))
def test_masks_go_where_their_pixels_go(original, view, seed):
    mask = np.random.default_rng(seed).random(original) < 0.5
    found = view_masks(mask[None], view)[0]
    assert found.shape == view.content
    # An image that is white on the mask says, after bilinear resizing, how sure the place is.
    white = view_image(np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), view)[..., 0]
    assert np.array_equal(found[white == 255], np.ones((white == 255).sum(), bool))
    assert np.array_equal(found[white == 0], np.zeros((white == 0).sum(), bool))


@given(sizes, views())
def test_segments_that_part_an_image_part_its_crop(original, view):
    halves = np.zeros((2, *original), bool)
    halves[0, :, : original[1] // 2] = True
    halves[1] = ~halves[0]
    assert (view_masks(halves, view).sum(axis=0) == 1).all()


@given(sizes, st.floats(0.1, 2.0))
def test_a_factor_of_one_fits_the_base_and_ratios_stay(original, factor):
    base = (736, 1280)
    height, width = resized_by(original, base, factor)
    scale = factor * min(1280 / max(original), 736 / min(original))
    assert abs(height - original[0] * scale) <= 0.5 + 1e-9 or height == 1
    assert abs(width - original[1] * scale) <= 0.5 + 1e-9 or width == 1
    assert max(resized_by(original, base, 1.0)) <= 1280
    assert min(resized_by(original, base, 1.0)) <= 736


def test_a_crop_may_be_larger_than_the_image():
    view = random_view(np.random.default_rng(0), (10, 12), (16, 8), mirrored=False)
    assert (view.top, view.content) == (0, (10, 8))
    assert view == View((10, 12), 0, view.left, (16, 8), False)
