"""Images with panoptic masks in COCO's form: a JSON of segments and a PNG of their ids per image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from rapsam.data.coco_records import CocoFile, PanopticEntry, SegmentEntry
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.sources.annotation_file import AnnotationFile
from rapsam.data.sources.categories import label_set_of
from rapsam.data.sources.faults import DataSetError, split_faulty
from rapsam.data.sources.faulty_entries import Entries
from rapsam.data.sources.json_file import as_number, read_json
from rapsam.data.sources.opened import Contents, checked_frames, repeat_image
from rapsam.data.sources.orientation import Described, StatedImage
from rapsam.data.sources.safe_path import path_below
from rapsam.data.sources.segment_masks import check_segment_id, fill_masks, new_masks
from rapsam.data.sources.stored_pixels import read_annotated_image, read_stored_ids


class PanopticLayout(NamedTuple):
    """Where a data set of this form keeps its files.

    Attributes:
        kind: Kind of data set.
        json: The annotation file, below the root.
        images: Folder of the images.
        masks: Folder of the PNGs.
        covered: Whether segments may be listed of which other segments left no pixel.
        described: The pixels that its owners' annotations describe, if its owners say so.
    """

    kind: str
    json: str
    images: str
    masks: str
    covered: Literal["refused", "dropped"]
    described: Described | None = None


class PanopticImages(AnnotationFile):
    """Reader of images with panoptic masks; see `AnnotatedSource` and `OpenedSource`.

    For as many images and segments as COCO train2017 has it holds 0.2 GB (measured on a made-up file),
    and the file besides while it opens.
    """

    def __init__(self, root: Path, split: str, layout: PanopticLayout) -> None:
        """Opens the annotation file.

        Args:
            root: Folder of the data set, resolved.
            split: As in "val", for the name.
            layout: Where its files are.

        Raises:
            InputError: If the annotation file is missing or damaged, or its categories contradict.
        """
        self.name = f"{layout.kind} {split}"
        self.described = layout.described
        self._root, self._layout = root, layout
        path = root / layout.json
        segments = Entries(("annotations", "segments_info"), SegmentEntry)
        content, faulty = read_json(path, CocoFile[PanopticEntry[SegmentEntry]], segments)
        owners = (entry.image_id for entry in content.annotations)
        label_set = label_set_of(path, layout.kind, content.categories)
        super().__init__(path, "image_id", owners, [image.id for image in content.images], faulty, label_set)
        self._images, self._annotations = content.images, content.annotations

    def num_frames(self, index: int) -> int:  # noqa: ARG002 (the protocol's)
        """Returns 1: these are images."""
        return 1

    def contents(self) -> Contents:
        """Counts images and segments."""
        segments = sum(len(entry.segments_info) for entry in self._annotations)
        return Contents(images=len(self._images), videos=0, segments=segments)

    def files(self, index: int, frames: Sequence[int] | None = None) -> list[Path]:  # noqa: ARG002
        """Names the image and its PNG."""
        place = self._place(index)
        name, field = self._annotations[place].file_name, f"{self._json}: annotations[{place}].file_name"
        return [self._image_path(index), path_below(self._root, self._layout.masks, name, field)]

    def pictures(self) -> Iterator[StatedImage]:
        """Names the images; see `OpenedSource`."""
        for index, entry in enumerate(self._images):
            with suppress(DataSetError):
                yield StatedImage(self._image_path(index), (entry.height, entry.width))

    def check(self, index: int) -> list[DataSetError]:
        """Compares an image's entries; see `OpenedSource`."""
        return self._segments(index)[1]

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Reads an image with its segments; see `AnnotatedSource`."""
        entry = self._images[index]
        repeats = checked_frames(entry.file_name, 1, frames)
        whole, faults = self._segments(index)
        listed = self._annotations[self._place(index)].segments_info
        image_path, mask_path = self.files(index)
        size = (entry.height, entry.width)
        image = read_annotated_image(image_path, size, self.described)
        found = read_stored_ids(mask_path, size)
        if self._layout.covered == "dropped":
            seen = np.isin([listed[place].id for place, _ in whole], found)
            whole = [segment for segment, has in zip(whole, seen, strict=True) if has]
        masks = new_masks(len(whole), 1, *size, f"{self._json}: images[{index}]")
        ids = [listed[place].id for place, _ in whole]
        faults += fill_masks(masks[:, 0], found, ids, {segment.id for segment in listed}, str(mask_path))
        clip = AnnotatedClip(
            name=entry.file_name,
            key=as_number(entry.id, index),
            frames=repeat_image(image[None], len(repeats), axis=0),
            masks=repeat_image(masks, len(repeats), axis=1),
            classes=np.array([class_index for _, class_index in whole], np.int64),
            crowd=np.array([listed[place].iscrowd for place, _ in whole], np.bool_),
            ids=np.array(ids, np.int64),
            faults=tuple(faults),
        )
        return clip.with_segments(np.array([mask.any() for mask in masks], np.bool_))

    def _place(self, index: int) -> int:
        """Returns the place of an image's only annotation."""
        entry = self._images[index]
        places = self._places.get(entry.id, [])
        if not places:
            raise DataSetError(
                "no annotation",
                f"{self._json}: images[{index}].id is {entry.id!r}, which no annotation has as image_id; "
                "expected one",
            )
        if len(places) > 1 or entry.id in self._repeated_owners:
            raise DataSetError(
                "repeated id",
                f"{self._json}: images[{index}].id {entry.id!r} stands in several images or annotations; "
                "expected one of each",
            )
        return places[0]

    def _image_path(self, index: int) -> Path:
        name, field = self._images[index].file_name, f"{self._json}: images[{index}].file_name"
        return path_below(self._root, self._layout.images, name, field)

    def _segments(self, index: int) -> tuple[list[tuple[int, int]], list[DataSetError]]:
        """Returns place and class of an image's segments that are whole, and what the others lack."""
        place = self._place(index)
        field = f"{self._json}: annotations[{place}].segments_info"
        segments = self._annotations[place].segments_info
        ids = [segment.id for segment in segments]

        def checked_class(number: int) -> int:
            self._faulty.check(place, number)
            check_segment_id(ids, number, field)
            return self._class_of(segments[number].category_id, f"{field}[{number}].category_id")

        return split_faulty(range(len(segments)), checked_class)
