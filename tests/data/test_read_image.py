from __future__ import annotations

import os
import resource
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from rapsam.data.images import read_image, write_image
from rapsam.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def saved(path, image=None, **options):
    (image or Image.fromarray(PIXELS)).save(path, **options)
    return path


def png_of_size(path, width, height):
    """Writes a PNG that claims a size and holds next to no data."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm"])
def test_lossless_formats(tmp_path, suffix):
    image = read_image(saved(tmp_path / f"a.{suffix}"))
    np.testing.assert_array_equal(image, PIXELS)
    assert image.flags.writeable
    assert image.flags.c_contiguous


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif", "gif"])
def test_lossy_formats(tmp_path, suffix):
    smooth = Image.fromarray(PIXELS[:4, :4]).resize((50, 40), Image.Resampling.BICUBIC)
    image = read_image(saved(tmp_path / f"a.{suffix}", smooth))
    assert np.abs(image.astype(int) - np.asarray(smooth)).mean() < 12


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, PIXELS),
        (2, PIXELS[:, ::-1]),
        (3, PIXELS[::-1, ::-1]),
        (4, PIXELS[::-1]),
        (5, PIXELS.transpose(1, 0, 2)),
        (6, np.rot90(PIXELS, -1)),
        (7, PIXELS[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(PIXELS)),
    ],
)
def test_exif_orientation(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read_image(saved(tmp_path / "a.png", exif=exif)), turned)


def test_damaged_exif_does_not_spoil_the_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", exif=exif)
    content = bytearray(path.read_bytes())
    start = content.index(b"Exif") + 6
    content[start : start + 14] = bytes(range(200, 214))
    path.write_bytes(content)
    assert read_image(path).shape == (40, 50, 3)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_greyscale(tmp_path, mode):
    grey = Image.fromarray(PIXELS).convert(mode)
    image = read_image(saved(tmp_path / "a.png", grey))
    np.testing.assert_array_equal(image, np.asarray(grey.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled(tmp_path, suffix):
    values = np.array([[0, 128, 129, 257], [32_767, 32_768, 65_406, 65_535]], np.uint16)
    image = read_image(saved(tmp_path / f"a.{suffix}", Image.fromarray(values)))
    assert image[..., 0].tolist() == [[0, 0, 1, 1], [127, 128, 254, 255]]
    assert (image == image[..., :1]).all()


def test_sixteen_bits_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    values = (np.arange(20, dtype=np.uint16) * 257).reshape(4, 5)
    image = read_image(saved(tmp_path / "a.png", Image.fromarray(values), exif=exif))
    np.testing.assert_array_equal(image[..., 0], np.rot90(values // 257, -1))


def test_palette_and_cmyk(tmp_path):
    palette = Image.fromarray(PIXELS).convert("P")
    np.testing.assert_array_equal(read_image(saved(tmp_path / "p.png", palette)), palette.convert("RGB"))
    cmyk = Image.new("CMYK", (50, 40), (0, 255, 255, 0))
    assert np.abs(read_image(saved(tmp_path / "c.jpg", cmyk)).astype(int) - [255, 0, 0]).max() < 8


def test_transparency_is_composited_over_white(tmp_path):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 0], rgba[0, :, 3], rgba[1, 0, 3] = 200, 255, 128
    image = read_image(saved(tmp_path / "a.png", Image.fromarray(rgba)))
    assert (image[0] == [200, 0, 0]).all()
    assert np.abs(image[1, 0].astype(int) - [227, 127, 127]).max() <= 1
    assert (image[1, 1:] == 255).all()
    grey_alpha = Image.fromarray(rgba).convert("LA")
    assert (read_image(saved(tmp_path / "la.png", grey_alpha))[1, 1:] == 255).all()
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30])
    assert (read_image(saved(tmp_path / "p.png", palette, transparency=0)) == 255).all()


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_first_frame_of_an_animation(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("black", "white")]
    path = saved(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], duration=100)
    assert read_image(path).max() < 10


def test_ninety_megapixels_pass_without_a_warning(tmp_path):
    # Pillow warns from 89 megapixels on; getting as far as the missing pixels shows that nothing was raised.
    with pytest.raises(InputError, match="damaged or truncated"):
        read_image(png_of_size(tmp_path / "a.png", 9_700, 9_700))


@pytest.mark.parametrize(
    ("width", "height", "named"),
    [
        (20_000, 20_000, "400,000,000 px"),
        (11_000, 9_500, "11000x9500 px"),
        (16_385, 10, "16385x10 px"),
        (10, 16_385, "10x16385 px"),
    ],
)
def test_too_large_is_refused_before_decoding(tmp_path, width, height, named):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        InputError, match=rf"a\.png is {named}; expected .*at most 100 megapixels: scale it down"
    ):
        read_image(png_of_size(tmp_path / "a.png", width, height))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_too_small_is_refused(tmp_path, size):
    path = saved(tmp_path / "a.png", Image.new("RGB", size))
    with pytest.raises(
        InputError, match=rf"a\.png is {size[0]}x{size[1]} px; expected sides of at least 2 px"
    ):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tif", "gif"])
def test_truncated_is_refused(tmp_path, suffix):
    path = saved(tmp_path / f"a.{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"a\.{suffix} is (damaged or truncated|not an image)"):
        read_image(path)


def test_other_files_are_refused(tmp_path):
    text, empty = tmp_path / "text.png", tmp_path / "empty.png"
    text.write_text("hello")
    empty.write_bytes(b"")
    with pytest.raises(InputError, match=r"text\.png is not an image that can be read; expected one of JPEG"):
        read_image(text)
    with pytest.raises(InputError, match=r"empty\.png is empty"):
        read_image(empty)
    with pytest.raises(InputError, match="is a folder; expected one image file"):
        read_image(tmp_path)
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        read_image(tmp_path / "none.png")


def test_names_that_no_system_takes_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*File name too long"):
        read_image(tmp_path / ("x" * 5000))
    with pytest.raises(InputError, match=r"expected .*one image file"):
        read_image(tmp_path / "a\0b.png")


def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is not a plain file"):
        read_image(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_forbidden_file_is_refused(tmp_path):
    path = saved(tmp_path / "a.png")
    path.chmod(0)
    with pytest.raises(InputError, match=r"cannot read .*a\.png: Permission denied"):
        read_image(path)


def test_postscript_is_refused(tmp_path):
    path = tmp_path / "a.eps"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EOF\n")
    with pytest.raises(InputError, match="is not an image"):
        read_image(path)


def test_values_of_unknown_range_are_refused(tmp_path):
    path = saved(tmp_path / "a.tif", Image.fromarray(np.ones((4, 4), np.float32)))
    with pytest.raises(InputError, match=r"a\.tif holds floating-point values"):
        read_image(path)
    path = saved(tmp_path / "b.tif", Image.fromarray(np.full((4, 4), 70_000, np.int32)))
    with pytest.raises(InputError, match=r"b\.tif holds grey values of 70000\.\.70000"):
        read_image(path)


def test_every_refusal_is_one_line(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_written_image_is_read_back(tmp_path):
    write_image(tmp_path / "new" / "a.png", PIXELS)
    np.testing.assert_array_equal(read_image(tmp_path / "new" / "a.png"), PIXELS)
    write_image(tmp_path / "a.jpg", PIXELS)
    assert read_image(tmp_path / "a.jpg").shape == PIXELS.shape
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "new"]


def test_other_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.tiff ends in neither \.png nor \.jpg"):
        write_image(tmp_path / "a.tiff", PIXELS)
