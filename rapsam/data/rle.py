"""Masks as run lengths in the compressed form of COCO."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
from pycocotools import mask as coco_mask

from rapsam.errors import InputError
from rapsam.tasks.arrays import Masks


class Rle(msgspec.Struct, frozen=True, kw_only=True):
    """Run lengths of one mask, column by column.

    Attributes:
        size: Height and width of the mask.
        counts: The runs in COCO's text form.
    """

    size: tuple[int, int]
    counts: str


def encode_mask(mask: Masks) -> Rle:
    """Encodes an (h, w) bool mask."""
    coded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return Rle(size=(mask.shape[0], mask.shape[1]), counts=coded["counts"].decode("ascii"))


def decode_mask(rle: Rle) -> Masks:
    """Decodes to an (h, w) bool mask.

    Raises:
        InputError: If the runs do not fill the size.
    """
    try:
        with warnings.catch_warnings():
            # pycocotools 2.0.11 predates NumPy 2 and says so at every call.
            warnings.simplefilter("ignore", DeprecationWarning)
            mask = coco_mask.decode({"size": list(rle.size), "counts": rle.counts.encode("ascii")})
    except (ValueError, UnicodeEncodeError) as error:
        raise InputError(
            f"run lengths do not fill a mask of {list(rle.size)}; the file is damaged"
        ) from error
    return np.asarray(mask, np.bool_)
