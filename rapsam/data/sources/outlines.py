"""Masks from the outlines of COCO's JSON files: polygons and run lengths, plain or compressed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import NoReturn, TypeAlias

import msgspec
import numpy as np
from pycocotools import mask as coco_mask

from rapsam.data.coco_records import RunLengths
from rapsam.data.sources.faults import DataSetError
from rapsam.errors import JSON_ERRORS
from rapsam.tasks.arrays import Indices, Masks
from rapsam.tasks.geometry import Size

_MIN_NUMBERS = 6
# What decoding takes grows with these: at most 1 GB and some seconds for one mask.
_MOST_BYTES = 32_000_000
_MOST_BYTES_IN_ALL = 64_000_000
_MOST_RUNS = 4_000_000
_MOST_EDGE = 1_000_000
# COCO's code for a number: up to six characters with the bit "more follows", then one without.
_CODE = re.compile(r"(?:[P-o]{0,6}[0-O])+")
_MORE, _NEGATIVE, _PAYLOAD, _BITS = 32, 16, 31, 5


Outline: TypeAlias = RunLengths | list[list[float]]
"""A polygon is x, y, x, y, ... in pixels; the mask is the union of all."""
FrameOutlines: TypeAlias = list[Outline | None]
"""One outline per frame of a video; null where the object is not seen."""


def decode_outline(raw: msgspec.Raw, field: str) -> Outline:
    """Decodes the JSON of one outline.

    Raises:
        DataSetError: If it has another form; names the field.
    """
    _check_bytes(raw, field)
    try:
        outline: Outline = msgspec.json.decode(raw, type=Outline)
    except JSON_ERRORS as error:
        _refuse(f"{field}: {error}")
    return outline


def decode_frame_outlines(raw: msgspec.Raw, field: str) -> FrameOutlines:
    """Decodes the JSON of an object's outlines in a video.

    Raises:
        DataSetError: If it has another form; names the field.
    """
    _check_bytes(raw, field)
    try:
        return msgspec.json.decode(raw, type=FrameOutlines)
    except JSON_ERRORS as error:
        _refuse(f"{field}: {error}")


def _check_bytes(raw: msgspec.Raw, field: str) -> None:
    if (size := memoryview(raw).nbytes) > _MOST_BYTES:
        _refuse(f"{field} has {size:,} bytes; expected at most {_MOST_BYTES:,}")


def check_total(raws: Iterable[msgspec.Raw], field: str) -> None:
    """Raises `DataSetError` if all outlines of an image or video are too large to decode together."""
    size = sum(memoryview(raw).nbytes for raw in raws)
    if size > _MOST_BYTES_IN_ALL:
        raise DataSetError(
            "too large",
            f"{field}: its outlines have {size:,} bytes in all; expected at most {_MOST_BYTES_IN_ALL:,}",
        )


def check_outline(outline: Outline, size: Size, field: str) -> None:
    """Tells without making a mask whether `outline_mask` can make one.

    Args:
        outline: What to check.
        size: Height and width of the image.
        field: Where it was found, for messages.

    Raises:
        DataSetError: If it does not belong to an image of this size.
    """
    if isinstance(outline, RunLengths):
        _checked_counts(outline, size, field)
    else:
        _check_polygons(outline, size, field)


def outline_mask(outline: Outline, size: Size, field: str) -> Masks:
    """Makes the (h, w) mask of an outline; polygons as COCO's own code draws them.

    Raises:
        DataSetError: If it does not belong to an image of this size.
    """
    if isinstance(outline, RunLengths):
        counts = _checked_counts(outline, size, field)
        runs = np.arange(len(counts)) % 2 == 1
        return np.repeat(runs, counts).reshape(size[1], size[0]).T
    _check_polygons(outline, size, field)
    with warnings.catch_warnings():
        # pycocotools 2.0.11 predates NumPy 2 and says so at every call.
        warnings.simplefilter("ignore", DeprecationWarning)
        parts = coco_mask.frPyObjects(outline, size[0], size[1])
        return np.asarray(coco_mask.decode(coco_mask.merge(parts)), np.bool_)


def _checked_counts(runs: RunLengths, size: Size, field: str) -> Indices:
    if runs.size != size:
        raise DataSetError(
            "wrong size",
            f"{field}.size is {list(runs.size)}; expected {list(size)}, height and width of the image",
        )
    # A code has a character per run, and another one only where runs are longer than 15 pixels.
    most = min(2 * (size[0] * size[1] + 2), _MOST_RUNS)
    if len(runs.counts) > most:
        _refuse(f"{field}.counts has {len(runs.counts):,} numbers or characters; expected at most {most:,}")
    counts = _parsed(runs.counts, field) if isinstance(runs.counts, str) else np.array(runs.counts, np.int64)
    # pycocotools accepts runs that end early and leaves the rest of the mask to chance.
    if (counts < 0).any() or counts.sum() != size[0] * size[1]:
        _refuse(f"{field}.counts covers {counts.sum()} px; expected {size[0] * size[1]}")
    return counts


def _parsed(code: str, field: str) -> Indices:
    """Undoes COCO's code: 5 bits a character, lowest first; from the fourth on, less the last but one."""
    if not _CODE.fullmatch(code):
        _refuse(f"{field}.counts is not COCO's code of run lengths; expected characters 0 to o, a whole code")
    digits = np.frombuffer(code.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    ends = np.flatnonzero(digits < _MORE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    shifts = (np.arange(len(digits)) - np.repeat(starts, lengths)) * _BITS
    values = np.add.reduceat((digits & _PAYLOAD) << shifts, starts)
    values -= ((digits[ends] & _NEGATIVE) > 0) * (1 << (lengths * _BITS))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def _check_polygons(polygons: list[list[float]], size: Size, field: str) -> None:
    if not polygons:
        _refuse(f"{field} is empty; expected at least one polygon")
    for place, polygon in enumerate(polygons):
        if len(polygon) < _MIN_NUMBERS or len(polygon) % 2:
            _refuse(
                f"{field}[{place}] has {len(polygon)} numbers; expected pairs x, y of three points or more"
            )
        # Far outside, the integers of COCO's code overflow.
        for numbers, side in ((polygon[0::2], size[1]), (polygon[1::2], size[0])):
            if not (min(numbers) >= -side and max(numbers) <= 2 * side):
                _refuse(
                    f"{field}[{place}] reaches from {min(numbers):g} to {max(numbers):g}; expected points in "
                    f"the image, 0..{side}, or not far outside"
                )
    edge = sum(_edge(polygon) for polygon in polygons)
    if edge > _MOST_EDGE:
        _refuse(f"{field} has edges of {edge:,.0f} px in all; expected at most {_MOST_EDGE:,}")


def _edge(polygon: list[float]) -> float:
    """Length of a closed polygon, by the longer of width and height of each side: what drawing it takes."""
    points = np.array(polygon).reshape(-1, 2)
    return float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum())


def _refuse(message: str) -> NoReturn:
    raise DataSetError("invalid outline", message)
