"""Panoptic results in the COCO form: a PNG of segment ids and a JSON that explains them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from rapsam.data.coco_records import Box, Category, CocoFile, FoundSegment, ImageEntry, PanopticEntry
from rapsam.errors import InputError
from rapsam.files import write_atomic, write_json
from rapsam.tasks.arrays import Ids
from rapsam.tasks.instances import tight_box
from rapsam.tasks.labels import Label, LabelSet
from rapsam.tasks.panoptic import PanopticResult


def write_panoptic(path: Path, result: PanopticResult, labels: LabelSet, image_name: str) -> Path:
    """Writes a panoptic result as PNG, and beside it a JSON of the same name.

    Args:
        path: Destination of the PNG.
        result: What to write.
        labels: Names and category ids of the classes.
        image_name: File name of the image.

    Returns:
        The path of the JSON.

    Raises:
        InputError: If the folder cannot be written or the label set is not the result's.
    """
    ids, segments = panoptic_segments(result, labels)
    height, width = ids.shape
    content = CocoFile(
        images=(ImageEntry(id=1, file_name=image_name, height=height, width=width),),
        annotations=(PanopticEntry(image_id=1, file_name=text_name(path), segments_info=segments),),
        categories=tuple(_category(label) for label in labels.labels),
    )
    write_atomic(path, panoptic_png(ids))
    write_json(path.with_suffix(".json"), content)
    return path.with_suffix(".json")


def panoptic_segments(result: PanopticResult, labels: LabelSet) -> tuple[Ids, tuple[FoundSegment, ...]]:
    """Numbers the segments 1, 2, .. and describes them.

    Returns:
        (h0, w0) int32 with the numbers, 0 for void, and one entry per number.

    Raises:
        InputError: If the label set has another number of classes than the result.
    """
    if len(labels.labels) != result.void:
        raise InputError(
            f"result of {result.void} classes with label set {labels.name!r} of {len(labels.labels)}; "
            "take the label set that belongs to the model"
        )
    ids = np.zeros(result.panoptic_map.shape, np.int32)
    entries = []
    for number, segment in enumerate(result.segments, start=1):
        mask = result.panoptic_map == segment.id
        ids[mask] = number
        entries.append(
            FoundSegment(
                id=number,
                category_id=labels.labels[segment.class_index].category_id,
                isthing=int(segment.is_thing),
                bbox=as_xywh(tight_box(mask).tolist()),
                area=segment.area,
                score=segment.score,
            )
        )
    return ids, tuple(entries)


def panoptic_png(ids: Ids) -> bytes:
    """Encodes (h, w) segment ids, 0..16777215, as a PNG with id = R + 256 * G + 65536 * B."""
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=-1).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(colours).save(buffer, format="PNG")
    return buffer.getvalue()


def text_name(path: Path) -> str:
    """Returns a file's name as text that JSON can hold; bytes that are not UTF-8 become question marks."""
    return path.name.encode(errors="replace").decode()


def as_xywh(box: list[float]) -> Box:
    """Turns x1, y1, x2, y2 (exclusive ends) into x, y, width, height."""
    x1, y1, x2, y2 = (int(side) for side in box)
    return x1, y1, x2 - x1, y2 - y1


def _category(label: Label) -> Category:
    return Category(id=label.category_id, name=label.name, isthing=1 if label.is_thing else 0)
