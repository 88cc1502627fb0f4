"""VIPSeg at 720 lines (124 classes, things and stuff in videos), as its owners' scripts prepare it.

See create_panoptic_video_labels.py of https://github.com/VIPSeg-Dataset/VIPSeg-Dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np

from rapsam.data.coco_records import Category, ImageEntry, Key, PanopticEntry, SegmentEntry
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.sources.annotation_file import AnnotationFile
from rapsam.data.sources.categories import label_set_of
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.faulty_entries import Entries
from rapsam.data.sources.json_file import as_number, read_json, repeated
from rapsam.data.sources.opened import Contents, checked_frames
from rapsam.data.sources.orientation import Described, StatedImage
from rapsam.data.sources.safe_path import path_below
from rapsam.data.sources.segment_masks import check_segment_id, fill_masks, new_masks
from rapsam.data.sources.stored_pixels import read_annotated_image, read_stored_ids
from rapsam.tasks.geometry import Size

_Mask: TypeAlias = PanopticEntry[SegmentEntry]


class VideoEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A video; its frames are named as their masks are, the images end in .jpg."""

    video_id: Key
    images: tuple[ImageEntry, ...]


class VideoAnnotation(msgspec.Struct, frozen=True, kw_only=True):
    """The PNGs of a video's frames; an object has the same id in all of them."""

    video_id: Key
    annotations: tuple[_Mask, ...]


class VipsegFile(msgspec.Struct, frozen=True, kw_only=True):
    """A VIPSeg file."""

    videos: tuple[VideoEntry, ...]
    annotations: tuple[VideoAnnotation, ...]
    categories: tuple[Category, ...]


class _Frame(NamedTuple):
    """A frame and its mask; `places` and `field` tell where the latter's entry stands."""

    image: ImageEntry
    mask: _Mask
    places: tuple[int, int]
    field: str


class Vipseg(AnnotationFile):
    """panoptic_gt_VIPSeg_{split}.json, images/<video>/*.jpg, panomasksRGB/<video>/*.png.

    See `AnnotatedSource` and `OpenedSource`. Whatever frames of a video are read, its clip has all its
    segments in the order of their ids; those not seen in the frames have masks that are all false. The
    masks of 30 segments in 24 frames take 0.7 GB: read some frames at a time.
    """

    def __init__(self, root: Path, split: str) -> None:
        """Opens a split, "train" or "val".

        Raises:
            InputError: If the annotation file is missing or damaged, or its categories contradict.
        """
        self.name = f"vipseg {split}"
        self.described: Described | None = None
        self._root = root
        path = root / f"panoptic_gt_VIPSeg_{split}.json"
        segments = Entries(("annotations", "annotations", "segments_info"), SegmentEntry)
        content, faulty = read_json(path, VipsegFile, segments)
        owners = (entry.video_id for entry in content.annotations)
        label_set = label_set_of(path, "vipseg", content.categories)
        super().__init__(
            path, "video_id", owners, [video.video_id for video in content.videos], faulty, label_set
        )
        self._videos, self._annotations = content.videos, content.annotations

    def num_frames(self, index: int) -> int:
        """Counts the frames of a video."""
        return len(self._videos[index].images)

    def contents(self) -> Contents:
        """Counts frames, videos, and segments by their ids in each video."""
        segments = sum(
            len({segment.id for mask in entry.annotations for segment in mask.segments_info})
            for entry in self._annotations
        )
        frames = sum(len(video.images) for video in self._videos)
        return Contents(images=frames, videos=len(self._videos), segments=segments)

    def files(self, index: int, frames: Sequence[int] | None = None) -> list[Path]:
        """Names the images and masks of the frames."""
        video = self._videos[index].video_id
        found, frames_of_video = [], self._frames(index)
        for number in checked_frames(str(video), len(frames_of_video), frames):
            frame = frames_of_video[number]
            field = f"{self._json}: videos[{index}].images[{number}].file_name"
            image_name = frame.image.file_name.rpartition(".")[0] + ".jpg"
            found += [
                path_below(self._root, "images", f"{video}/{image_name}", field),
                path_below(
                    self._root, "panomasksRGB", f"{video}/{frame.mask.file_name}", f"{frame.field}.file_name"
                ),
            ]
        return found

    def pictures(self) -> Iterator[StatedImage]:
        """Names the frames; see `OpenedSource`."""
        for index, video in enumerate(self._videos):
            with suppress(DataSetError):
                for image, path in zip(video.images, self.files(index)[0::2], strict=True):
                    yield StatedImage(path, (image.height, image.width))

    def check(self, index: int) -> list[DataSetError]:
        """Compares a video's entries; see `OpenedSource`."""
        self._size(index)
        return self._segments(index)[1]

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Reads frames of a video with its segments; see `AnnotatedSource`."""
        video = self._videos[index]
        chosen = checked_frames(str(video.video_id), len(video.images), frames)
        size = self._size(index)
        segments, faults = self._segments(index)
        ids = sorted(segments)
        masks = new_masks(len(ids), len(chosen), *size, f"{self._json}: videos[{index}]")
        paths = self.files(index, chosen)
        images = np.stack([read_annotated_image(path, size, self.described) for path in paths[0::2]])
        frames_of_video = self._frames(index)
        for slot, (frame, path) in enumerate(zip(chosen, paths[1::2], strict=True)):
            listed = {segment.id for segment in frames_of_video[frame].mask.segments_info}
            whole = sorted(listed & segments.keys())
            seen = np.zeros((len(whole), *size), np.bool_)
            faults += fill_masks(seen, read_stored_ids(path, size), whole, listed, str(path))
            masks[np.searchsorted(ids, whole), slot] = seen
        return AnnotatedClip(
            name=str(video.video_id),
            key=as_number(video.video_id, index),
            frames=images,
            masks=masks,
            classes=np.array([segments[value][0] for value in ids], np.int64),
            crowd=np.array([segments[value][1] for value in ids], np.bool_),
            ids=np.array(ids, np.int64),
            faults=tuple(faults),
        )

    def _frames(self, index: int) -> list[_Frame]:
        """Pairs the frames of a video with their masks."""
        video = self._videos[index]
        field = f"{self._json}: videos[{index}]"
        places = self._places.get(video.video_id, [])
        if len(places) > 1 or video.video_id in self._repeated_owners:
            raise DataSetError(
                "repeated id",
                f"{field}.video_id {video.video_id!r} stands in several videos or annotations; expected one",
            )
        masks = self._annotations[places[0]].annotations if places else ()
        by_image = {mask.image_id: (number, mask) for number, mask in enumerate(masks)}
        if len(by_image) < len(masks) or repeated(image.id for image in video.images):
            raise DataSetError(
                "repeated id",
                f"{field} has an image id twice, in images or in the annotations; expected each once",
            )
        if len(masks) != len(video.images) or not masks:
            raise DataSetError(
                "wrong number of masks",
                f"{field} has {len(video.images)} images and {len(masks)} annotations; expected one "
                "annotation for each image, at least one image",
            )
        return [
            self._paired(image, by_image, places[0], f"{field}.images[{number}]")
            for number, image in enumerate(video.images)
        ]

    def _paired(
        self,
        image: ImageEntry,
        masks: dict[Key, tuple[int, _Mask]],
        place: int,
        field: str,
    ) -> _Frame:
        if image.id not in masks:
            raise DataSetError(
                "no annotation",
                f"{field}.id is {image.id!r}, which no annotation of the video has as image_id; expected one",
            )
        number, mask = masks[image.id]
        return _Frame(
            image, mask, (place, number), f"{self._json}: annotations[{place}].annotations[{number}]"
        )

    def _segments(self, index: int) -> tuple[dict[int, tuple[int, int]], list[DataSetError]]:
        """Returns class index and crowd mark of each id of a video, and the faults of what was left out.

        An object is left out of all frames if its entry in one of them is faulty.
        """
        found: dict[int, tuple[int, int]] = {}
        faults, faulty = [], set()
        for frame in self._frames(index):
            field = f"{frame.field}.segments_info"
            ids = [segment.id for segment in frame.mask.segments_info]
            for number, segment in enumerate(frame.mask.segments_info):
                try:
                    self._faulty.check(*frame.places, number)
                    check_segment_id(ids, number, field)
                    self._add_segment(found, segment, f"{field}[{number}]")
                except DataSetError as fault:
                    faults.append(fault)
                    faulty.add(segment.id)
        return {value: entry for value, entry in found.items() if value not in faulty}, faults

    def _add_segment(self, found: dict[int, tuple[int, int]], segment: SegmentEntry, field: str) -> None:
        class_index = self._class_of(segment.category_id, f"{field}.category_id")
        known = found.setdefault(segment.id, (class_index, segment.iscrowd))
        if known != (class_index, segment.iscrowd):
            raise DataSetError(
                "repeated id",
                f"{field}.id is {segment.id}, which has another category or iscrowd in an earlier frame; "
                "expected one object per id in a video",
            )

    def _size(self, index: int) -> Size:
        """Returns height and width of all frames of a video."""
        first, *others = self._videos[index].images
        for number, image in enumerate(others, start=1):
            if (image.height, image.width) != (first.height, first.width):
                raise DataSetError(
                    "wrong size",
                    f"{self._json}: videos[{index}].images[{number}] is {image.width}x{image.height} px; "
                    f"expected {first.width}x{first.height} as in the first frame",
                )
        return first.height, first.width
