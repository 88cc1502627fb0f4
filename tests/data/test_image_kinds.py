"""Which files are read, which are known and not read, and what happens without memory for one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rapsam.data.images import SUFFIXES, read_image
from rapsam.data.unread import unread_reason
from rapsam.data.videos import SUFFIXES as VIDEO_SUFFIXES
from rapsam.errors import InputError

SMOOTH = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype(np.uint8)
LIMITED = """
import resource, sys
from pathlib import Path
from rapsam.data.images import read_image
from rapsam.errors import MemoryLimitError
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {extra}, used + {extra}))
try:
    print(read_image(sys.argv[1]).shape)
except MemoryLimitError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_listed_suffix_is_read(suffix, tmp_path):
    path = tmp_path / f"a{suffix.upper()}"
    kind = {".apng": "PNG", ".avifs": "AVIF", ".mpo": "MPO", ".pbm": "PPM", ".j2c": "JPEG2000"}.get(suffix)
    image = Image.fromarray(SMOOTH).convert("1" if suffix == ".pbm" else "L" if suffix == ".pgm" else "RGB")
    more = {"save_all": True, "append_images": [image]} if kind == "MPO" else {}
    image.save(path, format=kind or Image.registered_extensions()[suffix], **more)
    read = read_image(path)
    assert read.shape == SMOOTH.shape
    if suffix != ".pbm":
        assert np.abs(read.astype(int) - np.asarray(image.convert("RGB"))).mean() < 12


def test_the_content_decides_not_the_name(tmp_path):
    path = tmp_path / "a.jpg"
    for kind in ("WEBP", "PNG", "GIF", "JPEG2000"):
        Image.fromarray(SMOOTH).save(path, format=kind)
        assert read_image(path).shape == SMOOTH.shape


def test_a_suffix_has_one_meaning():
    assert not set(SUFFIXES) & set(VIDEO_SUFFIXES)
    assert not [suffix for suffix in (*SUFFIXES, *VIDEO_SUFFIXES) if unread_reason(Path(f"a{suffix}"))]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("IMG_0001.HEIC", "convert it to JPEG"),
        ("a.heif", "convert it to JPEG"),
        ("a.CR2", "camera raw"),
        ("a.dng", "camera raw"),
        ("a.psd", "convert it to PNG or JPEG"),
        ("a.rmvb", "convert it to MP4"),
    ],
)
def test_known_kinds_are_refused_with_what_to_do(name, says, tmp_path):
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert says in unread_reason(tmp_path / name)
    if not name.endswith("rmvb"):
        with pytest.raises(InputError, match=rf"{name} is not an image that can be read: .*{says}"):
            read_image(tmp_path / name)


def test_other_names_have_no_reason():
    assert [unread_reason(Path(name)) for name in ("notes.txt", "a.jpg", "a.mp4", "heic", ".heic")] == [
        None
    ] * 5


def test_the_thumbnail_of_a_camera_raw_file_is_not_taken_for_it(tmp_path):
    Image.fromarray(SMOOTH).save(tmp_path / "a.nef", format="TIFF")
    with pytest.raises(InputError, match=r"a\.nef is not an image that can be read: a camera raw file"):
        read_image(tmp_path / "a.nef")


@pytest.mark.parametrize(
    ("kind", "side", "extra"),
    [
        ("png", 10_000, 150_000_000),
        ("jpg", 3000, 12_000_000),
        ("tif", 3000, 12_000_000),
        ("jp2", 1500, 30_000_000),
    ],
)
def test_too_little_memory_names_the_file(kind, side, extra, tmp_path):
    path = tmp_path / f"large.{kind}"
    Image.new("1" if kind == "png" else "L", (side, side)).save(path)
    code = LIMITED.format(extra=extra)
    outcome = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert outcome.stdout == f"refused: {path} needs more memory than there is; take a smaller one\n", outcome
