from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt import interactive_masks, normalised_boxes, point_to_box, prompt_boxes
from rapsam.tasks.resize import to_original
from tests.golden_files import golden

GEOMETRY = ImageGeometry(padded_size=(64, 96), content_size=(60, 80), original_size=(120, 160))


def golden_geometry(stored, original=None):
    content = stored["image_uint8"].shape[:2]
    padded = tuple(-(-side // 32) * 32 for side in content)
    return ImageGeometry(padded_size=padded, content_size=content, original_size=original or content)


@pytest.mark.parametrize("name", ["int_r18_points_k5", "int_r50_pad_points_k5", "int_r18_boxes_k1"])
def test_golden_masks(name):
    stored = golden(name)
    shape = stored["pred_masks_shape"].tolist()
    geometry = golden_geometry(stored, (shape[1], shape[2]))
    packed = stored["pred_masks_packed"]
    expected = np.unpackbits(packed, axis=1, count=shape[1] * shape[2]).reshape(shape).astype(bool)
    np.testing.assert_array_equal(interactive_masks(stored["mask_s3_full"], geometry), expected)


@pytest.mark.parametrize("name", ["int_r18_points_k5", "int_r50_pad_points_k5"])
def test_golden_point_boxes(name):
    stored = golden(name)
    boxes = prompt_boxes(stored["points_xy"].tolist(), [], golden_geometry(stored))
    np.testing.assert_array_equal(boxes, stored["prompt_boxes"])


def test_golden_boxes():
    stored = golden("int_r18_boxes_k1")
    boxes = prompt_boxes([], stored["boxes_xyxy"].tolist(), golden_geometry(stored))
    np.testing.assert_array_equal(boxes, stored["prompt_boxes"])


def test_prompts_are_scaled_to_the_network_image():
    boxes = prompt_boxes([(40, 60)], [(10, 20, 30, 60)], GEOMETRY)
    assert boxes.dtype == np.float32
    assert boxes.tolist() == [[17, 27, 23, 33], [5, 10, 15, 30]]


def test_normalised_boxes_are_fractions_of_the_unpadded_image():
    boxes = normalised_boxes(np.array([[0, 0, 80, 60], [20, 15, 40, 45]], np.float32), GEOMETRY)
    assert boxes.shape == (1, 2, 4)
    assert boxes.dtype == np.float32
    assert boxes[0].tolist() == [[0, 0, 1, 1], [0.25, 0.25, 0.5, 0.75]]


@given(x=st.floats(0, 159.9), y=st.floats(0, 119.9))
def test_a_point_stays_the_centre_of_its_box(x, y):
    box = prompt_boxes([(x, y)], [], GEOMETRY)[0]
    np.testing.assert_allclose([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], [x / 2, y / 2], atol=1e-4)
    np.testing.assert_allclose([box[2] - box[0], box[3] - box[1]], 6, atol=1e-4)


def test_point_to_box():
    assert point_to_box(np.array([[3, 0]], np.float32)).tolist() == [[0, -3, 6, 3]]


@pytest.mark.parametrize("point", [(-1, 5), (160, 5), (5, 120), (5, -0.5)])
def test_point_outside_is_refused(point):
    with pytest.raises(
        InputError, match=rf"point {point[0]:g},{point[1]:g} is outside .* x < 160 and .* y < 120"
    ):
        prompt_boxes([point], [], GEOMETRY)


@pytest.mark.parametrize("point", [(1,), (1, 2, 3), (float("nan"), 2), (float("inf"), 2)])
def test_malformed_point_is_refused(point):
    with pytest.raises(InputError, match="is not a pair of numbers"):
        prompt_boxes([point], [], GEOMETRY)


@pytest.mark.parametrize("box", [(30, 20, 30, 60), (31, 20, 30, 60), (10, 60, 30, 20)])
def test_empty_box_is_refused(box):
    with pytest.raises(InputError, match=r"is empty; expected x1 < x2 and y1 < y2"):
        prompt_boxes([], [box], GEOMETRY)


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 161, 5), (0, -2, 5, 5), (0, 0, 5, 121)])
def test_box_outside_is_refused(box):
    with pytest.raises(InputError, match=r"leaves the image; expected x within 0..160 and y within 0..120"):
        prompt_boxes([], [box], GEOMETRY)


@pytest.mark.parametrize("box", [(1, 2, 3), (0, 0, float("nan"), 5)])
def test_malformed_box_is_refused(box):
    with pytest.raises(InputError, match="is not four numbers"):
        prompt_boxes([], [box], GEOMETRY)


def test_a_box_over_the_whole_image_is_fine():
    assert prompt_boxes([], [(0, 0, 160, 120)], GEOMETRY).tolist() == [[0, 0, 80, 60]]


def test_no_prompt_is_refused():
    with pytest.raises(InputError, match="no prompt given"):
        prompt_boxes([], [], GEOMETRY)


@pytest.mark.parametrize("shape", [(8, 8), (0, 8, 8)])
def test_mask_logits_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"expected \(prompts, h, w\)"):
        interactive_masks(np.zeros(shape, np.float32), GEOMETRY)


def test_mask_logits_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="mask logits hold 64 NaN"):
        interactive_masks(np.full((1, 8, 8), np.nan, np.float32), GEOMETRY)


@pytest.mark.parametrize("original", [(120, 160), (300, 400), (7, 5)])
def test_masks_are_the_enlarged_logits_above_zero(original):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :32]
    small_and_large = [3.0 - np.hypot(y - 5, x - 7), 14.0 - np.hypot(y - 12, x - 16)]
    mask_logits = np.stack([*small_and_large, rng.normal(0, 1, y.shape), np.ones(y.shape), np.zeros(y.shape)])
    mask_logits = mask_logits.astype(np.float32)
    geometry = ImageGeometry(padded_size=(96, 128), content_size=(90, 120), original_size=original)
    np.testing.assert_array_equal(
        interactive_masks(mask_logits, geometry), to_original(mask_logits, geometry) > 0
    )
