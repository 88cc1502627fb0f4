"""Pre- and post-processing of SAM, as its authors' code computed them on formula images and logits."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.preprocess import MEAN, STD, letterbox, normalised_square
from rapsam.tasks.prompt import interactive_masks
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import Prompt, PromptSet
from rapsam.tasks.resize import to_original
from tests.golden_files import SHARED, fail_or_skip
from tests.point_family import SPEC

SIDE = 1024
IMAGES = {
    "a_480x640": (480, 640, 0),
    "b_333x500": (333, 500, 11),
    "c_640x417": (640, 417, 23),
    "d_1500x1125": (1500, 1125, 5),
}


def golden(name):
    path = SHARED / "golden_sam" / f"golden_{name}.npz"
    if not path.is_file():
        fail_or_skip(f"no golden file {path}", None)
    return np.load(path)


def formula_image(height, width, seed):
    """Draws the image of the data sheet, in whole numbers."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    image = np.stack(
        [
            x * 200 // (width - 1) + 20,
            y * 180 // (height - 1) + 30,
            (x + y) // 8 % 2 * 60 + 60,
        ],
        axis=-1,
    )
    disc = (y - 2 * height // 5) ** 2 + (x - 3 * width // 8) ** 2 < (min(height, width) // 4) ** 2
    image[disc] = (220, 60 + seed, 40)
    inside = (abs(y - 7 * height // 10) < height // 8) & (abs(x - 3 * width // 4) < width // 7)
    image[inside] = (30, 90, 230 - seed)
    ellipse = (3 * (y - height // 4)) ** 2 + (x - 4 * width // 5) ** 2 < (width // 9) ** 2
    image[ellipse] = (240, 240, 120)
    image += ((7 * x + 13 * y + seed) % 17 - 8)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def geometry_of(height, width):
    scale = SIDE / max(height, width)
    content = (int(height * scale + 0.5), int(width * scale + 0.5))
    return ImageGeometry(padded_size=(SIDE, SIDE), content_size=content, original_size=(height, width))


def sha256(array):
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest(), np.uint8)


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_resized_byte_for_byte(name):
    stored, image = golden("preprocess"), formula_image(*IMAGES[name])
    np.testing.assert_array_equal(sha256(image), stored[f"{name}/in_sha256"])
    pixels, geometry = letterbox(image, (SIDE, SIDE), fit="longest side")
    height, width = geometry.content_size
    assert (height, width, 3) == tuple(stored[f"{name}/out_shape"])
    resized = pixels[0, :, :height, :width].transpose(1, 2, 0).astype(np.uint8)
    np.testing.assert_array_equal(resized[::13, ::11], stored[f"{name}/out_sub"])
    np.testing.assert_array_equal(sha256(resized), stored[f"{name}/out_sha256"])


def test_the_padding_is_zero_after_the_normalisation():
    image = formula_image(*IMAGES["a_480x640"])
    deployed, geometry = letterbox(image, (SIDE, SIDE), fit="longest side")
    normalised, same = normalised_square(image, SIDE)
    assert same == geometry
    assert not normalised[0, :, geometry.content_size[0] :].any()
    mean, std = (np.asarray(part, np.float32)[:, None, None] for part in (MEAN, STD))
    np.testing.assert_array_equal(normalised, (deployed - mean) / std)


@pytest.mark.parametrize("name", IMAGES)
def test_points_are_scaled_by_the_rounded_sizes(name):
    stored = golden("preprocess")
    points = [tuple(point) for point in stored[f"{name}/pts_in"].tolist()]
    prompts = PromptSet((Prompt(points=tuple(points), positive=(True,) * len(points)),))
    found = encode_prompts(prompts, SPEC, geometry_of(*IMAGES[name][:2]))["points"]
    np.testing.assert_array_equal(found[0, 0, : len(points)], stored[f"{name}/pts_out"].astype(np.float32))


@pytest.mark.parametrize("size", [(480, 640), (333, 500), (1500, 1125), (37, 1024)])
def test_masks_go_back_to_the_image(size):
    stored, name = golden("decoder"), "x".join(map(str, size))
    c, y, x = np.mgrid[:3, :256, :256].astype(np.float64)
    logits = 3 * np.sin(0.06 * (c + 1) * (x + 1) + c) * np.cos(0.045 * (c + 1) * (y + 2)) + 0.5 * c - 0.4
    logits = logits.astype(np.float32)
    np.testing.assert_allclose(logits[:, ::8, ::8], stored["post/low_res_in_sub"][0], atol=1e-6)
    geometry = geometry_of(*size)
    enlarged = to_original(logits, geometry)
    np.testing.assert_allclose(enlarged[:, ::16, ::16], stored[f"post/{name}/logits_sub"][0], atol=3e-5)
    masks = interactive_masks(logits, geometry)
    assert np.abs(masks.sum(axis=(1, 2)) - stored[f"post/{name}/area"][0]).max() <= 20
    if f"post/{name}/mask0_bits" in stored:
        bits = np.unpackbits(stored[f"post/{name}/mask0_bits"], count=size[0] * size[1]).reshape(size)
        assert np.count_nonzero(masks[0] != bits) <= 20
