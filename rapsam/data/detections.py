"""Boxes that a detector found, in the format of COCO's results: https://cocodataset.org/#format-results."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from rapsam.data.coco_records import Key, Number
from rapsam.data.limits import check_file
from rapsam.errors import InputError, reading
from rapsam.tasks.arrays import Floats, Indices

MAX_BYTES = 1 << 30
PER_IMAGE = 100
"""Detections of an image that count, as in COCO's evaluation."""
_EXPECTED = "a JSON list of detections with image_id, category_id, bbox [x, y, width, height] and score"
Finite = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class DetectionEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One detection; `bbox` is x, y, width, height in pixels."""

    image_id: Key
    category_id: Number
    bbox: tuple[Finite, Finite, Finite, Finite]
    score: Finite


class FoundBoxes(NamedTuple):
    """Boxes of an image, the best first.

    Attributes:
        boxes: (n, 4) x1, y1, x2, y2 in pixels, float64.
        categories: (n,) ids as the file has them.
        scores: (n,) float32.
    """

    boxes: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    categories: Indices
    scores: Floats

    def within(self, height: int, width: int) -> FoundBoxes:
        """Cuts the boxes at the borders of an image; those without a pixel's width or height are left out."""
        boxes = np.clip(self.boxes, 0, [width, height, width, height])
        kept = (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
        return FoundBoxes(boxes[kept], self.categories[kept], self.scores[kept])


def read_detections(path: Path) -> dict[Key, FoundBoxes]:
    """Reads detections.

    Returns:
        Id of an image to its boxes, `PER_IMAGE` at most.

    Raises:
        InputError: If the file is missing, too large or something else; the message names the field.
    """
    check_file(path, "detections")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{path} has {size:,} bytes; expected at most {MAX_BYTES:,}: leave weak ones out")
    with reading(path, _EXPECTED):
        entries = msgspec.json.decode(path.read_bytes(), type=list[DetectionEntry])
    if not entries:
        raise InputError(f"{path} has no detections; expected {_EXPECTED}")
    of_image: defaultdict[Key, list[DetectionEntry]] = defaultdict(list)
    for entry in entries:
        of_image[entry.image_id].append(entry)
    return {key: _best(found) for key, found in of_image.items()}


def _best(entries: list[DetectionEntry]) -> FoundBoxes:
    best = sorted(entries, key=lambda entry: -entry.score)[:PER_IMAGE]
    corners = [(x, y, x + width, y + height) for x, y, width, height in (entry.bbox for entry in best)]
    return FoundBoxes(
        np.array(corners, np.float64).reshape(-1, 4),
        np.array([entry.category_id for entry in best], np.int64),
        np.array([entry.score for entry in best], np.float32),
    )
