"""YouTube-VIS 2019 (40 classes), as its owners publish it: https://youtube-vos.org/dataset/vis/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from rapsam.data.coco_records import OutlinedTrack, VideoEntry, VideosFile
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.sources.annotation_file import AnnotationFile
from rapsam.data.sources.categories import label_set_of
from rapsam.data.sources.faults import DataSetError, split_faulty
from rapsam.data.sources.faulty_entries import Entries
from rapsam.data.sources.json_file import as_number, read_json, repeated
from rapsam.data.sources.opened import Contents, checked_frames
from rapsam.data.sources.orientation import Described, StatedImage
from rapsam.data.sources.outlines import (
    FrameOutlines,
    check_outline,
    check_total,
    decode_frame_outlines,
    outline_mask,
)
from rapsam.data.sources.safe_path import path_below
from rapsam.data.sources.segment_masks import new_masks
from rapsam.data.sources.stored_pixels import read_annotated_image


class YoutubeVis2019(AnnotationFile):
    """{split}.json or {split}/instances.json, and {split}/JPEGImages/<video>/*.jpg; things only.

    See `AnnotatedSource` and `OpenedSource`. Whatever frames of a video are read, its clip has all its
    objects; those not seen in the frames have masks that are all false. Memory holds the annotation file.
    """

    def __init__(self, root: Path, split: str) -> None:
        """Opens a split: "train", "valid" or "test".

        Raises:
            InputError: If the annotation file is missing or damaged, or its categories contradict.
        """
        self.name = f"youtube_vis_2019 {split}"
        self.described: Described | None = None
        self._root, self._folder = root, f"{split}/JPEGImages"
        beside, inside = root / f"{split}.json", root / split / "instances.json"
        path = inside if inside.exists() and not beside.exists() else beside
        content, faulty = read_json(path, VideosFile, Entries(("annotations",), OutlinedTrack))
        self._videos, self._tracks = content.videos, content.annotations or ()
        owners = (track.video_id for track in self._tracks)
        label_set = label_set_of(path, "youtube_vis_2019", content.categories)
        super().__init__(path, "video_id", owners, [video.id for video in self._videos], faulty, label_set)
        self._repeated = repeated(
            track.id for place, track in enumerate(self._tracks) if (place,) not in self._faulty
        )

    def num_frames(self, index: int) -> int:
        """Counts the frames of a video."""
        return len(self._videos[index].file_names)

    def contents(self) -> Contents:
        """Counts frames, videos and objects."""
        frames = sum(len(video.file_names) for video in self._videos)
        return Contents(images=frames, videos=len(self._videos), segments=len(self._tracks))

    def files(self, index: int, frames: Sequence[int] | None = None) -> list[Path]:
        """Names the frames."""
        names = self._videos[index].file_names
        return [
            path_below(
                self._root, self._folder, names[frame], f"{self._json}: videos[{index}].file_names[{frame}]"
            )
            for frame in checked_frames(self._video_name(index), len(names), frames)
        ]

    def pictures(self) -> Iterator[StatedImage]:
        """Names the frames; see `OpenedSource`."""
        for index, video in enumerate(self._videos):
            with suppress(DataSetError):
                for path in self.files(index):
                    yield StatedImage(path, (video.height, video.width))

    def check(self, index: int) -> list[DataSetError]:
        """Compares a video's entries; see `OpenedSource`."""
        return self._outlines(index)[1]

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Reads frames of a video with its objects; see `AnnotatedSource`."""
        video, name = self._videos[index], self._video_name(index)
        chosen = checked_frames(name, len(video.file_names), frames)
        outlines, faults = self._outlines(index)
        size = (video.height, video.width)
        masks = new_masks(len(outlines), len(chosen), *size, f"{self._json}: videos[{index}]")
        images = np.stack(
            [read_annotated_image(path, size, self.described) for path in self.files(index, chosen)]
        )
        for mask, (place, of_frames) in zip(masks, outlines, strict=True):
            for slot, frame in enumerate(chosen):
                outline = of_frames[frame]
                if outline is not None:
                    mask[slot] = outline_mask(outline, size, self._field(place, frame))
        found = [self._tracks[place] for place, _ in outlines]
        return AnnotatedClip(
            name=name,
            key=as_number(video.id, index),
            frames=images,
            masks=masks,
            classes=np.array([self._class(place) for place, _ in outlines], np.int64),
            crowd=np.array([track.iscrowd for track in found], np.bool_),
            ids=np.array([track.id for track in found], np.int64),
            faults=tuple(faults),
        )

    def _outlines(self, index: int) -> tuple[list[tuple[int, FrameOutlines]], list[DataSetError]]:
        """Returns place and outlines of a video's annotations that are whole, and what the others lack."""
        video = self._videos[index]
        if video.id in self._repeated_owners:
            raise DataSetError(
                "repeated id",
                f"{self._json}: videos[{index}].id {video.id!r} stands in several videos; expected one",
            )
        if video.length != len(video.file_names) or not video.file_names:
            raise DataSetError(
                "wrong number of masks",
                f"{self._json}: videos[{index}].length is {video.length} and file_names has "
                f"{len(video.file_names)}; expected the same number, at least 1",
            )
        places = self._places.get(video.id, [])
        outlines = (self._tracks[place].segmentations for place in places)
        check_total(outlines, f"{self._json}: videos[{index}]")
        return split_faulty(places, lambda place: self._decoded(place, video))

    def _decoded(self, place: int, video: VideoEntry) -> FrameOutlines:
        track, field = self._tracks[place], f"{self._json}: annotations[{place}]"
        self._faulty.check(place)
        self._class(place)
        if track.id in self._repeated:
            raise DataSetError(
                "repeated id", f"{field}.id {track.id} stands in several annotations; expected one"
            )
        outlines = decode_frame_outlines(track.segmentations, f"{field}.segmentations")
        if len(outlines) != video.length:
            raise DataSetError(
                "wrong number of masks",
                f"{field}.segmentations has {len(outlines)} entries; expected {video.length}, one per frame",
            )
        for frame, outline in enumerate(outlines):
            if outline is not None:
                check_outline(outline, (video.height, video.width), self._field(place, frame))
        return outlines

    def _class(self, place: int) -> int:
        field = f"{self._json}: annotations[{place}].category_id"
        return self._class_of(self._tracks[place].category_id, field)

    def _field(self, place: int, frame: int) -> str:
        return f"{self._json}: annotations[{place}].segmentations[{frame}]"

    def _video_name(self, index: int) -> str:
        """Returns the folder of a video's frames."""
        names = self._videos[index].file_names
        return names[0].rpartition("/")[0] if names else str(self._videos[index].id)
