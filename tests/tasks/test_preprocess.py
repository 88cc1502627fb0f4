from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.tasks.preprocess import (
    MEAN,
    STD,
    PreprocessSpec,
    letterbox,
    normalise_and_pad,
    resize_keep_ratio,
)
from rapsam.tasks.resize import resize_image


def photograph(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(height=st.integers(2, 200), width=st.integers(2, 200))
def test_letterbox_keeps_the_ratio_and_pads_with_the_mean(height, width):
    image = photograph(height, width)
    pixels, geometry = letterbox(image, (64, 96))
    h, w = geometry.content_size
    assert pixels.shape == (1, 3, 64, 96)
    assert pixels.dtype == np.float32
    assert (geometry.padded_size, geometry.original_size) == ((64, 96), (height, width))
    assert h == 64 or w == 96
    assert abs(h - height * min(64 / height, 96 / width)) <= 0.5 or h == 1
    assert abs(w - width * min(64 / height, 96 / width)) <= 0.5 or w == 1
    np.testing.assert_array_equal(pixels[0, :, :h, :w].transpose(1, 2, 0), resize_image(image, (h, w)))
    mean = np.asarray(MEAN, np.float32)[:, None]
    assert (pixels[0, :, h:].reshape(3, -1) == mean).all()
    assert (pixels[0, :, :, w:].reshape(3, -1) == mean).all()


def test_letterbox_padding_is_exactly_zero_after_normalisation():
    pixels, geometry = letterbox(photograph(20, 64), (64, 64))
    mean, std = (np.asarray(part, np.float32)[None, :, None, None] for part in (MEAN, STD))
    assert not ((pixels - mean) / std)[:, :, geometry.content_size[0] :].any()


def test_letterbox_of_an_extreme_ratio_keeps_a_pixel():
    _, geometry = letterbox(photograph(2, 16_384), (64, 64))
    assert geometry.content_size == (1, 64)


@pytest.mark.parametrize("size", [(0, 64), (64, 100), (-32, 32), (33, 33), (16, 16)])
def test_sizes_that_are_no_multiple_of_32_are_refused(size):
    with pytest.raises(InputError, match=f"size {size[0]}x{size[1]} .* multiples of 32"):
        letterbox(photograph(8, 8), size)
    with pytest.raises(InputError, match="multiples of 32"):
        PreprocessSpec(size=size)


def test_size_error_names_usable_sizes():
    with pytest.raises(InputError, match="such as 480x640 or 512x640"):
        letterbox(photograph(8, 8), (500, 640))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
@pytest.mark.parametrize("task", [lambda i: letterbox(i, (32, 32)), resize_keep_ratio, normalise_and_pad])
def test_arrays_that_are_no_rgb_image_are_refused(image, task):
    with pytest.raises(InputError, match="expected uint8 RGB"):
        task(image)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((8, 9, 3), np.float32), r"image is float32 \[8, 9, 3\]; .* take \(image \* 255\)"),
        (np.zeros((8, 9, 3), np.uint16), "scale it to 0..255"),
        (np.zeros((8, 9), np.uint8), r"of greyscale take numpy.dstack"),
        (np.zeros((8, 9, 1), np.uint8), r"of greyscale take numpy.dstack"),
        (np.zeros((8, 9, 4), np.uint8), r"leave the alpha channel out"),
        (np.zeros((3, 8, 9), np.uint8), r"image.transpose\(1, 2, 0\)"),
        (torch.zeros(3, 8, 9), r"image is a Tensor \[3, 8, 9\]; .*permute\(1, 2, 0\)"),
        ([[1, 2]], "image is a list; .*make an array of it"),
        (None, "image is a NoneType; "),
    ],
)
def test_the_refusal_says_how_to_make_rgb_of_it(image, says):
    with pytest.raises(InputError, match=says):
        letterbox(image, (32, 32))


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        ((480, 640), (800, 1067)),
        ((640, 480), (1067, 800)),
        ((427, 640), (800, 1199)),
        ((300, 1000), (400, 1333)),
    ],
)
def test_test_resize_of_the_original(original, expected):
    assert resize_keep_ratio(photograph(*original)).shape == (*expected, 3)


def test_test_resize_of_videos():
    assert resize_keep_ratio(photograph(720, 1280), 1280, 736).shape == (720, 1280, 3)


def test_normalise_and_pad():
    image = photograph(33, 40)
    pixels, geometry = normalise_and_pad(image, original_size=(66, 80))
    assert pixels.shape == (1, 3, 64, 64)
    assert geometry.content_size == (33, 40)
    assert geometry.original_size == (66, 80)
    np.testing.assert_allclose(pixels[0, :, 5, 7], (image[5, 7] - np.array(MEAN)) / np.array(STD), rtol=1e-5)
    assert not pixels[:, :, 33:].any()
    assert not pixels[:, :, :, 40:].any()


def test_spec_survives_json():
    spec = PreprocessSpec(size=(480, 640))
    assert msgspec.json.decode(msgspec.json.encode(spec), type=PreprocessSpec) == spec
