"""Greyscale of more than 8 bits, brought to 8 bits by the range that the file declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT, TiffImageFile

from rapsam.errors import InputError
from rapsam.tasks.arrays import Ids

_EIGHT_BITS, _SIXTEEN_BITS = 255, 65_535
_WHITE_IS_ZERO, _UNSIGNED = 0, 1


def to_eight_bits(path: Path, image: Image.Image) -> Image.Image:
    """Scales a loaded image of one of Pillow's integer modes (I, I;16 and their like) to 8 bits.

    White is the largest value of the declared depth: 65535 for 16 bits, 4095 for 12, whatever the values are.
    TIFF of 32 bits, or of signed integers, declares no range: there values of 0..255 are taken for
    8 bits, larger ones for 16.

    Args:
        path: The file, for errors.
        image: As Pillow loaded it.

    Returns:
        The image in mode L; in mode LA where a grey level is declared to be transparent.

    Raises:
        InputError: If values of undeclared range are negative or above 65535.
    """
    values = np.asarray(image).astype(np.int32)
    white = _declared_white(image) or _white_by_values(path, values)
    grey = ((values * _EIGHT_BITS + white // 2) // white).astype(np.uint8)
    if isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        grey = _EIGHT_BITS - grey
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return Image.fromarray(grey)
    # Many 16-bit levels share one of 8 bits, so this cannot be asked after scaling.
    alpha = np.where(values == transparent, 0, _EIGHT_BITS).astype(np.uint8)
    return Image.fromarray(np.stack([grey, alpha], axis=-1))


def _declared_white(image: Image.Image) -> int | None:
    """Returns the largest value of the file's own depth; None where there is no such declaration."""
    if not isinstance(image, TiffImageFile):
        return _SIXTEEN_BITS  # Pillow brings other depths of PNG, PPM and JPEG 2000 to 16 bits
    bits, is_signed = _bits(image), _is_signed(image)
    return None if is_signed or bits > 16 else (1 << bits) - 1


def _white_by_values(path: Path, values: Ids) -> int:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > _SIXTEEN_BITS:
        raise InputError(
            f"{path} holds grey values of {low}..{high}; expected 16 bits, 0..65535: convert it first"
        )
    return _EIGHT_BITS if high <= _EIGHT_BITS else _SIXTEEN_BITS


def _bits(image: TiffImageFile) -> int:
    return int(image.tag_v2.get(BITSPERSAMPLE, (1,))[0])


def _is_signed(image: TiffImageFile) -> bool:
    return bool(image.tag_v2.get(SAMPLEFORMAT, (_UNSIGNED,))[0] != _UNSIGNED)
