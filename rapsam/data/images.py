"""Reading photographs of any common kind as upright 8-bit RGB, and writing pictures."""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from rapsam.data.grey_depth import to_eight_bits
from rapsam.data.limits import MAX_PIXELS, check_file, check_size
from rapsam.data.orientation import image_orientation
from rapsam.data.unread import unread_reason
from rapsam.errors import InputError, is_out_of_memory, reading, reason_of
from rapsam.files import write_atomic
from rapsam.tasks.arrays import Pixels

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000")
"""Pillow's names of the formats that are read. Others are refused: some of them run helper programs."""

SUFFIXES = (
    *(".apng", ".avif", ".avifs", ".bmp", ".gif", ".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg"),
    *(".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
"""Endings of file names by which a folder's images are found; the content decides how a file is read."""

_EXPECTED = "a photograph in 8 or 16 bits per channel, grey or RGB: convert it first"
_DEPTH_STEPS = {"L;2": 85, "L;4": 17}
"""By which Pillow spreads grey of 2 and 4 bits over 8, but not the level that is declared transparent."""
_RGB_16 = "RGB;16B"
_DECODER_BYTES = 24
"""Bytes a pixel that the hungriest decoder takes: JPEG 2000 holds two copies of three 32-bit channels."""


def read_image(path: str | Path) -> Pixels:
    """Reads an image file; its content says of which kind it is, not its name.

    Turns it upright (EXIF, XMP), takes the first frame of an animation, scales greyscale of more than
    8 bits by its declared depth (`to_eight_bits`) and composites transparency over white. Colour
    profiles are not applied.

    Args:
        path: A file of one of `FORMATS`.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        InputError: If the file is missing, no such image, damaged, or too small or large.
        MemoryLimitError: If there is too little memory for it.
    """
    path = Path(path)
    check_file(path, "image")
    # Pillow warns of large images and odd metadata; the size is checked here, the rest is harmless.
    with warnings.catch_warnings(), reading(path, _EXPECTED):
        warnings.simplefilter("ignore")
        # Given a name, Pillow maps the file, and then mixes up the rows of grey TIFF that is stored turned.
        with path.open("rb") as file, _opened(path, file) as image:
            pixels = stored_pixels(path, image)
            return image_orientation(image).applied(pixels)


def rgb_pixels(image: Image.Image) -> Pixels:
    """Turns a Pillow image into pixels: one that was opened as `read_image` does, any other as it is.

    What Pillow derives from an opened image keeps its orientation tag, whether it was turned or not.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        InputError: If it is too small or large, damaged, or of a mode that has no colours.
        MemoryLimitError: If there is too little memory for it.
    """
    name = Path(getattr(image, "filename", "") or "the PIL image")
    with reading(name, _EXPECTED):
        pixels = stored_pixels(name, image)
        return image_orientation(image).applied(pixels) if isinstance(image, ImageFile) else pixels


def stored_pixels(path: Path, image: Image.Image) -> Pixels:
    """Decodes an opened image as it is stored, not turned by its orientation; see `read_image`.

    Args:
        path: Its file, for messages.
        image: Opened; its pixels are loaded here.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        InputError: If it is too small or large, damaged, or of a mode that has no colours.
        MemoryError: If there is too little memory for it.
    """
    check_size(path, image.width, image.height)
    _load(path, image)
    return _rgb(path, image)


def write_image(path: Path, pixels: Pixels) -> None:
    """Writes (height, width, 3) uint8 RGB as PNG or JPEG, in full or not at all.

    Raises:
        InputError: If the name ends in neither .png nor .jpg, or the folder cannot be written.
    """
    kind = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path} ends in neither .png nor .jpg; expected one of them to write an image to")
    buffer = BytesIO()
    # For photographs level 4 gives files as small as Pillow's default 6, in a third of the time.
    settings = {"quality": 92} if kind == "JPEG" else {"compress_level": 4}
    Image.fromarray(pixels).save(buffer, format=kind, **settings)
    write_atomic(path, buffer.getvalue())


def _opened(path: Path, file: BinaryIO) -> Image.Image:
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        size = f"{int(pixels.group()):,} px" if pixels else "too large"
        raise InputError(
            f"{path} is {size}; expected at most {MAX_PIXELS // 1_000_000} megapixels: scale it down first"
        ) from error
    # Sniffing a file that is no image can make a format's parser raise nearly anything.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise InputError(_unopened(path, error)) from error
    # Camera raw is TIFF with a thumbnail in front, which is not what was asked for.
    raw = unread_reason(path) if image.format == "TIFF" else None
    if raw:
        image.close()
        raise InputError(f"{path} is not an image that can be read: {raw}")
    return image


def _unopened(path: Path, error: Exception) -> str:
    known = unread_reason(path)
    if known:
        return f"{path} is not an image that can be read: {known}"
    said = "" if isinstance(error, UnidentifiedImageError) else f" ({reason_of(error)})"
    expected = f"expected one of {', '.join(FORMATS)}: convert it first"
    return f"{path} is not an image that can be read{said}; {expected}"


def _load(path: Path, image: Image.Image) -> None:
    raw_mode = image.tile[0].args if isinstance(image, ImageFile) and image.tile else None
    try:
        image.load()
    # A damaged file can make a decoder raise nearly anything.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if not _has_memory(image.width * image.height * _DECODER_BYTES):
            raise MemoryError from error
        raise InputError(
            f"{path} is damaged or truncated ({reason_of(error)}); expected a complete image file"
        ) from error
    transparent = image.info.get("transparency")
    if raw_mode in _DEPTH_STEPS and isinstance(transparent, int):
        image.info["transparency"] = transparent * _DEPTH_STEPS[raw_mode]
    if raw_mode == _RGB_16 and isinstance(transparent, tuple):
        # Pillow keeps the upper eight bits of a colour: what agrees in them is transparent.
        image.info["transparency"] = tuple(level >> 8 for level in transparent)


def _has_memory(size_bytes: int) -> bool:
    """Tells whether so much can be allocated: decoders of JPEG 2000 and AVIF do not say what they lack."""
    try:
        np.empty(size_bytes, np.uint8)
    except MemoryError:
        return False
    return True


def _rgb(path: Path, image: Image.Image) -> Pixels:
    if image.mode == "F":
        raise InputError(
            f"{path} holds floating-point values of unknown range; expected 8 or 16 bits per channel: "
            "convert it first"
        )
    if image.mode.startswith("I"):
        image = to_eight_bits(path, image)
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return np.array(image.convert("RGB"))
