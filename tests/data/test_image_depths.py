"""Every depth and mode becomes 8-bit RGB by one documented rule."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from rapsam.data.images import read_image
from rapsam.errors import InputError

WHITE = [255, 255, 255]


def png(path, depth, colour, rows, transparent=b""):
    """Writes a PNG of packed rows, with a tRNS chunk, which Pillow does not write for all depths."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    channels = {0: 1, 2: 3}[colour]
    width = 8 * len(rows[0]) // (depth * channels)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"tRNS", transparent) + data)
    return path


def tiff(path, values, **tags):
    Image.fromarray(values).save(path, tiffinfo={int(tag[1:]): value for tag, value in tags.items()})
    return path


def grey(path):
    image = read_image(path)
    assert (image == image[..., :1]).all()
    return image[..., 0].tolist()


def test_thirty_two_bits_that_hold_eight(tmp_path):
    values = np.array([[0, 1, 128], [200, 254, 255]], np.int32)
    assert grey(tiff(tmp_path / "a.tif", values)) == values.tolist()


def test_thirty_two_bits_that_hold_sixteen(tmp_path):
    values = np.array([[0, 257, 32_896], [51_400, 65_278, 65_535]], np.int32)
    assert grey(tiff(tmp_path / "a.tif", values)) == [[0, 1, 128], [200, 254, 255]]


def test_sixteen_declared_bits_stay_dark(tmp_path):
    """Their range is declared, so a dark picture is not taken for one of 8 bits."""
    values = np.array([[0, 128, 129], [200, 254, 255]], np.uint16)
    for suffix in ("tif", "png"):
        assert grey(tiff(tmp_path / f"a.{suffix}", values)) == [[0, 0, 1], [1, 1, 1]]
    (tmp_path / "a.pgm").write_bytes(b"P5 3 2 65535\n" + values.astype(">u2").tobytes())
    assert grey(tmp_path / "a.pgm") == [[0, 0, 1], [1, 1, 1]]


def test_white_may_be_zero(tmp_path):
    values = np.array([[0, 257, 65_535]] * 2, np.uint16)
    assert grey(tiff(tmp_path / "a.tif", values, _262=0)) == [[255, 254, 0]] * 2


@pytest.mark.parametrize("values", [[[-1, 0]] * 2, [[0, 65_536]] * 2])
def test_other_ranges_are_refused(values, tmp_path):
    with pytest.raises(InputError, match=r"a\.tif holds grey values of .*; expected 16 bits, 0\.\.65535"):
        read_image(tiff(tmp_path / "a.tif", np.array(values, np.int32)))


def test_transparent_grey_of_sixteen_bits(tmp_path):
    rows = [struct.pack(">3H", 1000, 1001, 0)] * 2
    assert grey(png(tmp_path / "a.png", 16, 0, rows, struct.pack(">H", 1000))) == [[255, 4, 0]] * 2


def test_transparent_grey_of_fewer_bits(tmp_path):
    assert grey(png(tmp_path / "a.png", 1, 0, [b"\x80"] * 2, struct.pack(">H", 0)))[0][:2] == [255, 255]
    assert grey(png(tmp_path / "b.png", 2, 0, [b"\x1b"] * 2, struct.pack(">H", 2))) == [[0, 85, 255, 255]] * 2
    assert grey(png(tmp_path / "c.png", 4, 0, [b"\x1b"] * 2, struct.pack(">H", 1))) == [[255, 187]] * 2
    assert grey(png(tmp_path / "d.png", 8, 0, [b"\x1b\x07"] * 2, struct.pack(">H", 7))) == [[27, 255]] * 2


def test_transparent_colour(tmp_path):
    rows = [struct.pack(">6H", 1000, 2000, 65_535, 0, 0, 0)] * 2
    image = read_image(png(tmp_path / "a.png", 16, 2, rows, struct.pack(">3H", 1000, 2000, 65_535)))
    assert image.tolist() == [[WHITE, [0, 0, 0]]] * 2
    image = read_image(png(tmp_path / "b.png", 8, 2, [bytes(range(6))] * 2, struct.pack(">3H", 0, 1, 2)))
    assert image.tolist() == [[WHITE, [3, 4, 5]]] * 2


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "jp2"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_composited_over_white(mode, suffix, tmp_path):
    pixels = np.full((8, 8, len(mode) if mode == "LA" else 4), 100, np.uint8)
    pixels[:4, :, -1], pixels[4:, :, -1] = 255, 0
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", lossless=True)
    image = read_image(tmp_path / f"a.{suffix}")
    assert (image[:4] == 100).all()
    assert (image[4:] == 255).all()


def test_palette_with_alpha(tmp_path):
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((0, 0), 0)
    palette.save(tmp_path / "a.png", transparency=bytes([0, 255]))
    image = read_image(tmp_path / "a.png")
    assert image[0, 0].tolist() == WHITE
    assert image[1, 1].tolist() == [200, 100, 50]
