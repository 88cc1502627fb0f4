"""Masks of the segments of a panoptic PNG."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from rapsam.data.sources.faults import DataSetError
from rapsam.errors import MemoryLimitError
from rapsam.tasks.arrays import Ids, Masks

MAX_ID = 2**24 - 1
MAX_BYTES = 4 * 1024**3
"""Of the masks of one clip: 30 segments in 36 frames of 1920x1080 take 2.2 GB."""


def new_masks(segments: int, frames: int, height: int, width: int, field: str) -> Masks:
    """Makes (segments, frames, height, width) masks, all false.

    Raises:
        DataSetError: If they take more than `MAX_BYTES`.
        MemoryLimitError: If they take more than there is.
    """
    size = segments * frames * height * width
    if size > MAX_BYTES:
        raise DataSetError(
            "too large",
            f"{field}: {segments} masks of {frames} frames of {width}x{height} px take {size:,} bytes; "
            f"expected at most {MAX_BYTES:,}: read fewer frames at a time, or remove the entry",
        )
    try:
        return np.zeros((segments, frames, height, width), np.bool_)
    except MemoryError as error:
        raise MemoryLimitError(
            f"{field}: {segments} masks of {frames} frames of {width}x{height} px need more memory than "
            "there is; read fewer frames at a time, or remove the entry"
        ) from error


def check_segment_id(ids: Sequence[int], place: int, field: str) -> None:
    """Raises `DataSetError` unless the id at a place can stand in a PNG and is not among those before."""
    value = ids[place]
    if not 1 <= value <= MAX_ID:
        raise DataSetError(
            "invalid id", f"{field}[{place}].id is {value}; expected 1..{MAX_ID}, for 0 is void"
        )
    if ids.index(value) < place:
        raise DataSetError("repeated id", f"{field}[{place}].id is {value} again; expected each id once")


def fill_masks(
    masks: Masks, found: Ids, ids: Sequence[int], left_out: Collection[int], where: str
) -> list[DataSetError]:
    """Marks where each segment is; what is left over is void.

    Args:
        masks: (N, h, w) all false, to be filled.
        found: (h, w) ids of the PNG.
        ids: N different ids, none 0.
        left_out: Further ids that the annotation lists.
        where: The PNG, for messages.

    Returns:
        A fault for each segment that has no pixel, and one if pixels have an id that is not listed.
    """
    covered = 0
    faults = []
    for mask, value in zip(masks, ids, strict=True):
        np.equal(found, value, out=mask)
        pixels = int(np.count_nonzero(mask))
        if pixels == 0:
            faults.append(
                DataSetError(
                    "segment without pixels",
                    f"{where} has no pixel of segment {value}, which its segments_info lists; expected some",
                )
            )
        covered += pixels
    if covered < np.count_nonzero(found):
        unlisted = np.setdiff1d(found, [0, *ids, *(value for value in left_out if value <= MAX_ID)])
        faults += [
            DataSetError(
                "pixels of no segment",
                f"{where} has pixels of id {value}; expected only ids that its segments_info lists",
            )
            for value in unlisted[:1]
        ]
    return faults
