"""Reading photographs of any common kind as upright 8-bit RGB, and writing pictures."""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rapsam.data.limits import MAX_PIXELS, check_file, check_size
from rapsam.errors import InputError, RapSamError, reading
from rapsam.files import write_atomic
from rapsam.tasks.arrays import Pixels

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF")
"""Pillow's names of the formats that are read. Others are refused: some of them run helper programs."""

SUFFIXES = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of file names by which a folder's images are found."""


def read_image(path: str | Path) -> Pixels:
    """Reads an image file.

    Turns it upright (EXIF), takes the first frame of an animation, scales 16-bit greyscale to 8 bits
    and composites transparency over white. Colour profiles are not applied.

    Args:
        path: A file of one of `FORMATS`.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        InputError: If the file is missing, no such image, damaged, or too small or large.
    """
    path = Path(path)
    check_file(path, "image")
    # Pillow warns of large images and odd metadata; the size is checked here, the rest is harmless.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(path) as image:
            check_size(path, image.width, image.height)
            # A damaged file can make a decoder raise nearly anything.
            try:
                return _rgb(path, ImageOps.exif_transpose(image))
            except RapSamError:
                raise
            except Exception as error:
                raise InputError(f"{path} is damaged or truncated; expected a complete image file") from error


def rgb_pixels(image: Image.Image) -> Pixels:
    """Turns a Pillow image, opened or made, into pixels, as `read_image` does with files.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        InputError: If it is too small or large, damaged, or of a mode that has no colours.
        MemoryLimitError: If there is too little memory for it.
    """
    name = Path(getattr(image, "filename", "") or "the PIL image")
    check_size(name, image.width, image.height)
    with reading(name, "a complete image in a mode such as RGB or L"):
        return _rgb(name, ImageOps.exif_transpose(image))


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


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        size = f"{int(pixels.group()):,} px" if pixels else "too large"
        raise InputError(
            f"{path} is {size}; expected at most {MAX_PIXELS // 1_000_000} megapixels: scale it down first"
        ) from error
    # Sniffing a file that is no image can make a format's parser raise nearly anything.
    except Exception as error:
        raise InputError(
            f"{path} is not an image that can be read; expected one of {', '.join(FORMATS)}: convert it first"
        ) from error


def _rgb(path: Path, image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):
        image = _eight_bit(path, image)
    elif image.mode == "F":
        raise InputError(
            f"{path} holds floating-point values of unknown range; expected 8 or 16 bits per channel: "
            "convert it first"
        )
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        image = Image.alpha_composite(white, coloured)
    return np.array(image.convert("RGB"))


def _eight_bit(path: Path, image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise InputError(
            f"{path} holds grey values of {values.min()}..{values.max()}; expected 16 bits, 0..65535: "
            "convert it first"
        )
    return Image.fromarray(((values * 255 + 32_767) // 65_535).astype(np.uint8))
