"""Masks as run lengths in the compressed form of COCO."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

from rapsam.data.coco_records import Rle, RunLengths
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.outlines import outline_mask
from rapsam.errors import InputError
from rapsam.tasks.arrays import Masks


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
        return outline_mask(RunLengths(size=rle.size, counts=rle.counts), rle.size, "run lengths")
    except DataSetError as error:
        raise InputError(
            f"run lengths do not fill a mask of {list(rle.size)}; the file is damaged"
        ) from error
