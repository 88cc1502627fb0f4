"""Writing drawn images as COCO panoptic and COCO instances: https://cocodataset.org/#format-data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rapsam.data.coco import as_xywh, panoptic_png
from rapsam.data.coco_records import (
    DrawnImages,
    DrawnObject,
    DrawnSegment,
    DrawnSegments,
    ImageEntry,
    Info,
    Rle,
)
from rapsam.data.images import write_image
from rapsam.data.rle import encode_mask
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.categories import all_categories, thing_categories
from rapsam.files import write_atomic
from rapsam.tasks.instances import tight_box
from rapsam.tasks.labels import LabelSet


class WrittenImage(NamedTuple):
    """The entries of an image: which segments are things, and their masks, in the order of the segments."""

    image: ImageEntry
    panoptic: DrawnSegments
    thing_masks: tuple[Rle, ...]


def write_coco_image(images: Path, masks: Path, clip: AnnotatedClip, label_set: LabelSet) -> WrittenImage:
    """Writes the JPEG and the panoptic PNG of an image.

    Args:
        images: Folder of the JPEGs.
        masks: Folder of the PNGs.
        clip: The image; its things come before its stuff.
        label_set: Of its classes.

    Raises:
        InputError: If the disk refuses.
    """
    write_image(images / clip.name, clip.frames[0])
    png = Path(clip.name).with_suffix(".png").name
    height, width = clip.frames.shape[1:3]
    ids = np.zeros((height, width), np.int32)
    for mask, segment_id in zip(clip.masks[:, 0], clip.ids, strict=True):
        ids[mask] = segment_id
    write_atomic(masks / png, panoptic_png(ids))
    is_thing = clip.classes < label_set.num_things
    return WrittenImage(
        ImageEntry(id=clip.key, file_name=clip.name, height=height, width=width),
        DrawnSegments(image_id=clip.key, file_name=png, segments_info=tuple(_segments(clip, label_set))),
        tuple(encode_mask(mask) for mask in clip.masks[is_thing, 0]),
    )


def panoptic_file(
    written: Iterable[WrittenImage], label_set: LabelSet, info: Info
) -> DrawnImages[DrawnSegments]:
    """Puts the entries of all images together."""
    entries = list(written)
    return DrawnImages(
        info=info,
        images=tuple(entry.image for entry in entries),
        annotations=tuple(entry.panoptic for entry in entries),
        categories=all_categories(label_set),
    )


def instances_file(
    written: Iterable[WrittenImage], label_set: LabelSet, info: Info
) -> DrawnImages[DrawnObject]:
    """Puts the things of all images together and numbers them."""
    entries = list(written)
    pairs = (
        (entry.image.id, segment, rle)
        for entry in entries
        # Things come first, and only they have masks here.
        for segment, rle in zip(entry.panoptic.segments_info, entry.thing_masks, strict=False)
    )
    annotations = tuple(
        DrawnObject(
            id=number,
            image_id=image_id,
            category_id=segment.category_id,
            iscrowd=segment.iscrowd,
            bbox=segment.bbox,
            area=segment.area,
            segmentation=rle,
        )
        for number, (image_id, segment, rle) in enumerate(pairs, start=1)
    )
    return DrawnImages(
        info=info,
        images=tuple(entry.image for entry in entries),
        annotations=annotations,
        categories=thing_categories(label_set),
    )


def _segments(clip: AnnotatedClip, label_set: LabelSet) -> Iterator[DrawnSegment]:
    for mask, class_index, segment_id, crowd in zip(
        clip.masks[:, 0], clip.classes, clip.ids, clip.crowd, strict=True
    ):
        yield DrawnSegment(
            id=int(segment_id),
            category_id=label_set.labels[class_index].category_id,
            iscrowd=1 if crowd else 0,
            bbox=as_xywh(tight_box(mask).tolist()),
            area=int(mask.sum()),
        )
