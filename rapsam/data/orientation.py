"""The eight ways in which stored pixels can lie to displayed ones, and where image files say which."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from rapsam.tasks.arrays import Pixels
from rapsam.tasks.geometry import Size

_ORIENTATION = 0x0112
_VALUE_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
"""EXIF's integer types: the tag should be of type 3, but some cameras write others."""


class Orientation(NamedTuple):
    """How to get displayed pixels from stored ones: first transpose, then reverse rows and columns."""

    transposed: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False

    def applied(self, pixels: Pixels) -> Pixels:
        """Returns the displayed pixels, (height, width, 3) uint8, contiguous, of stored ones."""
        turned = pixels.transpose(1, 0, 2) if self.transposed else pixels
        rows, columns = (-1 if self.rows_reversed else 1), (-1 if self.columns_reversed else 1)
        return np.ascontiguousarray(turned[::rows, ::columns])

    def inverse(self) -> Orientation:
        """Returns how to get stored pixels from displayed ones."""
        if self.transposed:
            return Orientation(True, self.columns_reversed, self.rows_reversed)
        return self


UPRIGHT = Orientation()
EXIF_ORIENTATIONS = {
    1: UPRIGHT,
    2: Orientation(columns_reversed=True),
    3: Orientation(rows_reversed=True, columns_reversed=True),
    4: Orientation(rows_reversed=True),
    5: Orientation(transposed=True),
    6: Orientation(transposed=True, columns_reversed=True),
    7: Orientation(transposed=True, rows_reversed=True, columns_reversed=True),
    8: Orientation(transposed=True, rows_reversed=True),
}
"""By the value of EXIF's orientation tag."""


def image_orientation(image: Image.Image) -> Orientation:
    """Reads the orientation of an opened image; upright if the file says nothing that can be understood.

    Only this tag is looked at: what else stands in EXIF, right or wrong, does not matter. Pillow turns
    TIFF files itself when it loads them, so load the image first. See `turned_by_loading`.
    """
    for value in (_in_exif(_exif_bytes(image)), _in_xmp(image)):
        if value in EXIF_ORIENTATIONS:
            return EXIF_ORIENTATIONS[value]
    return UPRIGHT


def turned_by_loading(image: Image.Image) -> Orientation:
    """Returns how Pillow will turn an opened image that is not loaded yet: TIFF by its tag, others not."""
    # Pillow asks this itself; afterwards the tag is gone.
    value = image.getexif().get(_ORIENTATION) if isinstance(image, TiffImageFile) else None
    return EXIF_ORIENTATIONS.get(value, UPRIGHT) if isinstance(value, int) else UPRIGHT


def stored_size(image: Image.Image) -> Size:
    """Returns stored height and width of an opened image that is not loaded yet."""
    # Of TIFF Pillow tells the displayed ones, where the tag stands in TIFF's own place.
    value = image.tag_v2.get(_ORIENTATION) if isinstance(image, TiffImageFile) else None
    swapped = isinstance(value, int) and EXIF_ORIENTATIONS.get(value, UPRIGHT).transposed
    return (image.width, image.height) if swapped else (image.height, image.width)


def _exif_bytes(image: Image.Image) -> bytes:
    exif = image.info.get("exif")
    if isinstance(exif, bytes):
        return exif
    # ImageMagick's way to put EXIF into PNG: three lines of heading, then hexadecimal digits.
    profile = image.info.get("Raw profile type exif")
    if not isinstance(profile, str):
        return b""
    digits = "".join(profile.split("\n")[3:])
    return bytes.fromhex(digits) if re.fullmatch(r"([0-9a-fA-F]{2})*", digits) else b""


def _in_exif(exif: bytes) -> int | None:
    """Looks for the tag in the first directory, which is where EXIF has it."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", exif, place)
            if tag == _ORIENTATION and kind in _VALUE_FORMATS:
                return int(struct.unpack_from(order + _VALUE_FORMATS[kind], exif, place + 8)[0])
    except struct.error:  # it ends too early
        return None
    return None


def _in_xmp(image: Image.Image) -> int | None:
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    found = re.search(rb'tiff:Orientation(?:="|>)([0-9])', xmp.encode() if isinstance(xmp, str) else xmp)
    return int(found[1]) if found else None
