"""COCO instances, as COCO publishes them: https://cocodataset.org/#format-data, part 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from rapsam.data.coco_records import CocoFile, OutlinedObject
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.sources.annotation_file import AnnotationFile
from rapsam.data.sources.categories import label_set_of
from rapsam.data.sources.faults import DataSetError, split_faulty
from rapsam.data.sources.faulty_entries import Entries
from rapsam.data.sources.json_file import as_number, read_json, repeated
from rapsam.data.sources.opened import Contents, checked_frames, repeat_image
from rapsam.data.sources.orientation import Described, StatedImage
from rapsam.data.sources.outlines import Outline, check_outline, check_total, decode_outline, outline_mask
from rapsam.data.sources.safe_path import path_below
from rapsam.data.sources.segment_masks import new_masks
from rapsam.data.sources.stored_pixels import read_annotated_image
from rapsam.tasks.geometry import Size


class CocoInstances(AnnotationFile):
    """annotations/instances_{split}2017.json and {split}2017/*.jpg; things only.

    See `AnnotatedSource` and `OpenedSource`. Objects of an image may overlap. An image may have none. A
    polygon so small that it holds no pixel gives a mask that is all false. For as many images and objects
    as train2017 has it holds 0.75 GB (measured on a made-up file), most of it the file itself.
    """

    def __init__(self, root: Path, split: str) -> None:
        """Opens a split, as in "train" or "val".

        Raises:
            InputError: If the annotation file is missing or damaged, or its categories contradict.
        """
        self.name = f"coco_instances {split}"
        self.described: Described | None = None
        self._root, self._folder = root, f"{split}2017"
        path = root / f"annotations/instances_{split}2017.json"
        content, faulty = read_json(path, CocoFile[OutlinedObject], Entries(("annotations",), OutlinedObject))
        owners = (entry.image_id for entry in content.annotations)
        label_set = label_set_of(path, "coco_instances", content.categories)
        super().__init__(path, "image_id", owners, [image.id for image in content.images], faulty, label_set)
        self._images, self._annotations = content.images, content.annotations
        self._repeated = repeated(
            entry.id for place, entry in enumerate(content.annotations) if (place,) not in self._faulty
        )

    def num_frames(self, index: int) -> int:  # noqa: ARG002 (the protocol's)
        """Returns 1: these are images."""
        return 1

    def contents(self) -> Contents:
        """Counts images and objects."""
        return Contents(images=len(self._images), videos=0, segments=len(self._annotations))

    def files(self, index: int, frames: Sequence[int] | None = None) -> list[Path]:  # noqa: ARG002
        """Names the image."""
        field = f"{self._json}: images[{index}].file_name"
        return [path_below(self._root, self._folder, self._images[index].file_name, field)]

    def pictures(self) -> Iterator[StatedImage]:
        """Names the images; see `OpenedSource`."""
        for index, entry in enumerate(self._images):
            with suppress(DataSetError):
                yield StatedImage(self.files(index)[0], (entry.height, entry.width))

    def check(self, index: int) -> list[DataSetError]:
        """Compares an image's entries; see `OpenedSource`."""
        return self._outlines(index)[1]

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Reads an image with its objects; see `AnnotatedSource`."""
        entry = self._images[index]
        repeats = checked_frames(entry.file_name, 1, frames)
        outlines, faults = self._outlines(index)
        size = (entry.height, entry.width)
        image = read_annotated_image(self.files(index)[0], size, self.described)
        masks = new_masks(len(outlines), 1, *size, f"{self._json}: images[{index}]")
        for mask, (place, outline) in zip(masks, outlines, strict=True):
            mask[0] = outline_mask(outline, size, self._field(place))
        found = [self._annotations[place] for place, _ in outlines]
        return AnnotatedClip(
            name=entry.file_name,
            key=as_number(entry.id, index),
            frames=repeat_image(image[None], len(repeats), axis=0),
            masks=repeat_image(masks, len(repeats), axis=1),
            classes=np.array([self._class(place) for place, _ in outlines], np.int64),
            crowd=np.array([instance.iscrowd for instance in found], np.bool_),
            ids=np.array([instance.id for instance in found], np.int64),
            faults=tuple(faults),
        )

    def _outlines(self, index: int) -> tuple[list[tuple[int, Outline]], list[DataSetError]]:
        """Returns place and outline of an image's annotations that are whole, and what the others lack."""
        entry = self._images[index]
        if entry.id in self._repeated_owners:
            raise DataSetError(
                "repeated id",
                f"{self._json}: images[{index}].id {entry.id!r} stands in several images; expected one",
            )
        places, size = self._places.get(entry.id, []), (entry.height, entry.width)
        outlines = (self._annotations[place].segmentation for place in places)
        check_total(outlines, f"{self._json}: images[{index}]")
        return split_faulty(places, lambda place: self._outline(place, size))

    def _outline(self, place: int, size: Size) -> Outline:
        self._faulty.check(place)
        self._class(place)
        if self._annotations[place].id in self._repeated:
            raise DataSetError(
                "repeated id",
                f"{self._json}: annotations[{place}].id {self._annotations[place].id} stands in several "
                "annotations; expected one",
            )
        outline = decode_outline(self._annotations[place].segmentation, self._field(place))
        check_outline(outline, size, self._field(place))
        return outline

    def _class(self, place: int) -> int:
        field = f"{self._json}: annotations[{place}].category_id"
        return self._class_of(self._annotations[place].category_id, field)

    def _field(self, place: int) -> str:
        return f"{self._json}: annotations[{place}].segmentation"
