"""Pillow images become the pixels that `read_image` reads from the same file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from rapsam.data.images import read_image, rgb_pixels
from rapsam.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
ORIENTATION, ROTATED_RIGHT = 0x112, 6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_a_pillow_image_is_read_like_its_file(mode, tmp_path):
    made = Image.fromarray(PIXELS)
    made = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257) if mode == "I;16" else made.convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    made.save(path)
    np.testing.assert_array_equal(rgb_pixels(made), read_image(path))
    with Image.open(path) as opened:
        np.testing.assert_array_equal(rgb_pixels(opened), read_image(path))


def test_it_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED_RIGHT
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        np.testing.assert_array_equal(rgb_pixels(opened), np.rot90(PIXELS, -1))
        np.testing.assert_array_equal(rgb_pixels(opened), read_image(tmp_path / "a.png"))


def test_what_was_made_from_an_opened_image_is_taken_as_it_is(tmp_path):
    """Pillow keeps the tag on what it turns, copies or cuts."""
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED_RIGHT
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        turned = opened.transpose(Image.Transpose.ROTATE_270)
        np.testing.assert_array_equal(rgb_pixels(turned), np.rot90(PIXELS, -1))
        np.testing.assert_array_equal(rgb_pixels(opened.crop((0, 0, 3, 2))), PIXELS[:2, :3])


def test_what_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(InputError, match="the PIL image is 1x1 px"):
        rgb_pixels(Image.new("RGB", (1, 1)))
    with pytest.raises(InputError, match="the PIL image holds floating-point values"):
        rgb_pixels(Image.new("F", (8, 8)))
    noise = Image.effect_noise((100, 100), 50)
    noise.save(tmp_path / "cut.png")
    content = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    with Image.open(tmp_path / "cut.png") as cut, pytest.raises(InputError, match=r"cut\.png"):
        rgb_pixels(cut)
