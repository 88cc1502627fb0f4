"""Writing drawn videos as YouTube-VIS 2019: https://youtube-vos.org/dataset/vis/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.data.coco import as_xywh
from rapsam.data.coco_records import DrawnTrack, DrawnVideos, Info, NumberedTrack, RunLengths, VideoEntry
from rapsam.data.images import write_image
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.categories import thing_categories
from rapsam.tasks.arrays import Masks
from rapsam.tasks.instances import tight_box
from rapsam.tasks.labels import LabelSet


class WrittenVideo(NamedTuple):
    """The entries of a video."""

    video: VideoEntry
    tracks: tuple[DrawnTrack, ...]


def write_video_frames(folder: Path, clip: AnnotatedClip, label_set: LabelSet) -> WrittenVideo:
    """Writes the frames of a video as folder/<name>/00000.jpg and so on.

    Raises:
        InputError: If the disk refuses.
    """
    names = tuple(f"{clip.name}/{frame:05d}.jpg" for frame in range(len(clip.frames)))
    for name, frame in zip(names, clip.frames, strict=True):
        write_image(folder / name, frame)
    height, width = clip.frames.shape[1:3]
    video = VideoEntry(id=clip.key, width=width, height=height, length=len(names), file_names=names)
    return WrittenVideo(video, tuple(_tracks(clip, video, label_set)))


def videos_file(written: Iterable[WrittenVideo], label_set: LabelSet, info: Info) -> DrawnVideos:
    """Puts the entries of all videos together and numbers the tracks."""
    entries = list(written)
    tracks = (track for entry in entries for track in entry.tracks)
    return DrawnVideos(
        info=info,
        videos=tuple(entry.video for entry in entries),
        annotations=tuple(
            NumberedTrack(id=number, **msgspec.structs.asdict(track))
            for number, track in enumerate(tracks, start=1)
        ),
        categories=thing_categories(label_set),
    )


def _tracks(clip: AnnotatedClip, video: VideoEntry, label_set: LabelSet) -> Iterator[DrawnTrack]:
    for masks, class_index, crowd in zip(clip.masks, clip.classes, clip.crowd, strict=True):
        seen = [mask if mask.any() else None for mask in masks]
        yield DrawnTrack(
            video_id=video.id,
            category_id=label_set.labels[class_index].category_id,
            iscrowd=int(crowd),
            height=video.height,
            width=video.width,
            segmentations=tuple(None if mask is None else _runs(mask) for mask in seen),
            bboxes=tuple(None if mask is None else as_xywh(tight_box(mask).tolist()) for mask in seen),
            areas=tuple(None if mask is None else int(mask.sum()) for mask in seen),
        )


def _runs(mask: Masks) -> RunLengths:
    values = mask.ravel(order="F")
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    edges = np.concatenate([[0], changes, [values.size]])
    counts: list[int] = np.diff(edges).tolist()
    return RunLengths(size=(mask.shape[0], mask.shape[1]), counts=[0, *counts] if values[0] else counts)
