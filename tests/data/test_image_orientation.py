"""Photographs are turned upright by one tag, whatever else stands in their EXIF."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rapsam.data.images import read_image
from rapsam.data.orientation import EXIF_ORIENTATIONS
from tests.shared_cases import shared_case

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
TURNED = np.rot90(PIXELS, -1)
SHORT, LONG, RATIONAL, SRATIONAL, ASCII = 3, 4, 5, 10, 2


def entry(tag, kind, count, value):
    """Returns the twelve bytes of a tag; `value` is the number or offset in its last four."""
    return struct.pack(">HHI", tag, kind, count) + value


def short(value):
    return struct.pack(">HH", value, 0)


def long(value):
    return struct.pack(">I", value)


ORIENTATION = entry(0x0112, SHORT, 1, short(6))


def exif(*entries, count=None, start=8, tail=b""):
    """Returns a block of EXIF of one directory."""
    head = b"Exif\0\0MM\0*" + struct.pack(">I", start)
    return head + struct.pack(">H", len(entries) if count is None else count) + b"".join(entries) + tail


def saved(path, block, pixels=PIXELS):
    Image.fromarray(pixels).save(path, exif=block)
    return path


ODD = {
    "rational of -1/0": exif(
        ORIENTATION, entry(0x829A, SRATIONAL, 1, long(50)), tail=struct.pack(">ii", -1, 0) * 3
    ),
    "long in a tag of shorts": exif(ORIENTATION, entry(0x0100, LONG, 1, long(4_000_000_000))),
    "unknown type": exif(ORIENTATION, entry(0x0131, 99, 7, long(3))),
    "unknown type first": exif(entry(0x0100, 99, 7, long(3)), ORIENTATION),
    "type 0": exif(ORIENTATION, entry(0x0132, 0, 0, long(0))),
    "text for a number": exif(ORIENTATION, entry(0x0128, ASCII, 4, b"abc\0")),
    "text that is no text": exif(ORIENTATION, entry(0x010F, ASCII, 4, b"\xff\xfe\xfd\xfc")),
    "huge count": exif(ORIENTATION, entry(0x927C, 7, 0xFFFFFFFF, long(26))),
    "offset beyond the end": exif(ORIENTATION, entry(0x010E, ASCII, 500, long(0xFFFFFF00))),
    "directory inside itself": exif(ORIENTATION, entry(0x8769, LONG, 1, long(8)), tail=long(8)),
    "GPS directory inside itself": exif(ORIENTATION, entry(0x8825, LONG, 1, long(8))),
    "GPS directory nowhere": exif(ORIENTATION, entry(0x8825, LONG, 1, long(0x7FFFFFFF))),
    "thumbnail nowhere": exif(ORIENTATION, tail=long(0x7FFFFFFF)),
    "more tags announced than there are": exif(ORIENTATION, count=65_535),
    "resolution of 0/0": exif(ORIENTATION, entry(0x011A, RATIONAL, 1, long(26)), tail=bytes(20)),
    "resolution as text": exif(ORIENTATION, entry(0x011A, ASCII, 4, b"72\0\0")),
    "tag twice": exif(ORIENTATION, entry(0x0112, SHORT, 1, short(1))),
    "orientation as long": exif(entry(0x0112, LONG, 1, long(6))),
    "orientation as byte": exif(entry(0x0112, 1, 1, b"\6\0\0\0")),
    "orientation with an odd count": exif(entry(0x0112, SHORT, 2, short(6))),
    "little-endian": b"Exif\0\0II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, SHORT, 1, 6, 0),
}
UPRIGHT = {
    "orientation 0": exif(entry(0x0112, SHORT, 1, short(0))),
    "orientation 9": exif(entry(0x0112, SHORT, 1, short(9))),
    "orientation as rational": exif(entry(0x0112, RATIONAL, 1, long(26)), tail=struct.pack(">II", 6, 1)),
    "orientation as text": exif(entry(0x0112, ASCII, 2, b"6\0\0\0")),
    "no directory": b"Exif\0\0MM\0*",
    "directory nowhere": exif(ORIENTATION, start=0xFFFFFFF0),
    "cut in the tag": exif(ORIENTATION)[:-6],
    "another byte order": b"Exif\0\0XX\0*" + exif(ORIENTATION)[10:],
    "nothing": b"Exif\0\0",
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("kind", ODD)
def test_only_the_orientation_matters(kind, suffix, tmp_path):
    image = read_image(saved(tmp_path / f"a.{suffix}", ODD[kind]))
    assert image.shape == TURNED.shape
    if suffix == "png":
        np.testing.assert_array_equal(image, TURNED)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("kind", UPRIGHT)
def test_what_is_no_orientation_turns_nothing(kind, suffix, tmp_path):
    assert read_image(saved(tmp_path / f"a.{suffix}", UPRIGHT[kind])).shape == PIXELS.shape


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_bytes_may_stand_in_exif(tmp_path_factory, noise, place):
    block = bytearray(exif(ORIENTATION, entry(0x8769, LONG, 1, long(8)), tail=bytes(40)))
    block[6 + place : 6 + place + len(noise)] = noise
    path = saved(tmp_path_factory.getbasetemp() / "noise.jpg", bytes(block))
    assert read_image(path).shape in (PIXELS.shape, TURNED.shape)


@pytest.mark.parametrize("name", ["long_in_short_tag.jpg", "srational_minus1_over0.jpg"])
def test_files_that_every_viewer_shows(name):
    path = shared_case(f"images/{name}")
    with Image.open(path) as image:
        stored = np.asarray(image)
    np.testing.assert_array_equal(read_image(path), np.rot90(stored, -1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["tif", "jp2", "png"])
def test_each_format_is_turned_once(suffix, orientation, tmp_path):
    """Pillow turns TIFF by itself; JPEG 2000 has no EXIF that Pillow reads."""
    tag = Image.Exif()
    tag[0x0112] = orientation
    options = {} if suffix == "jp2" else {"exif": tag}
    Image.fromarray(PIXELS).save(tmp_path / f"a.{suffix}", **options)
    expected = PIXELS if suffix == "jp2" else EXIF_ORIENTATIONS[orientation].applied(PIXELS)
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}"), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_grey_tiff_is_turned_once(compression, dtype, orientation, tmp_path):
    """Uncompressed, Pillow 13 maps such files and scrambles them."""
    grey, tag = PIXELS[..., 0], Image.Exif()
    tag[0x0112] = orientation
    values = grey.astype(dtype) * (257 if dtype == np.uint16 else 1)
    Image.fromarray(values).save(tmp_path / "a.tif", exif=tag, compression=compression)
    expected = EXIF_ORIENTATIONS[orientation].applied(np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), expected)


def test_orientation_of_xmp(tmp_path):
    """Some editors write it nowhere else."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", xmp=xmp)
    assert read_image(tmp_path / "a.jpg").shape == TURNED.shape
