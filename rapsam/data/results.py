"""Results of instances and video tracks as JSON records with COCO run lengths."""

from __future__ import annotations

import msgspec
import numpy as np

from rapsam.data.coco import as_xywh
from rapsam.data.coco_records import Box, Rle
from rapsam.data.rle import encode_mask
from rapsam.errors import InputError
from rapsam.tasks.instances import InstanceResult
from rapsam.tasks.labels import Label, LabelSet
from rapsam.tasks.video import TrackedFrame


class InstanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One instance; `bbox` is x, y, width, height in pixels and `area` counts pixels."""

    category_id: int
    category: str
    score: float
    bbox: Box
    area: int
    segmentation: Rle


class InstancesFile(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of one image, in falling order of score."""

    file_name: str
    height: int
    width: int
    instances: tuple[InstanceRecord, ...]


class TrackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One object through a video, as YouTube-VIS has it.

    Attributes:
        track_id: From 1.
        category_id: As the label set has it.
        category: Its name.
        score: Mean of its scores in the frames where it was found.
        segmentations: One mask per frame of the video, None where it was not found.
    """

    track_id: int
    category_id: int
    category: str
    score: float
    segmentations: tuple[Rle | None, ...]


class TracksFile(msgspec.Struct, frozen=True, kw_only=True):
    """Tracks of one video, in falling order of score.

    Attributes:
        file_name: Name of the video.
        height: Of the frames as displayed: turned upright, with square pixels.
        width: Likewise.
        num_frames: As many as there are times, and segmentations of each track.
        fps: Mean frames per second: `num_frames` by `duration_s`.
        duration_s: When the last frame ends, in seconds since the first one.
        times_s: When each frame is shown, in seconds since the first one; rises strictly.
        tracks: The objects.
    """

    file_name: str
    height: int
    width: int
    num_frames: int
    fps: float
    duration_s: float
    times_s: tuple[float, ...]
    tracks: tuple[TrackRecord, ...]


def instance_records(result: InstanceResult, labels: LabelSet) -> tuple[InstanceRecord, ...]:
    """Makes the records of an image's instances.

    Raises:
        InputError: If a class is not in the label set.
    """
    records = []
    for place, class_index in enumerate(result.labels.tolist()):
        label = _label(labels, class_index)
        records.append(
            InstanceRecord(
                category_id=label.category_id,
                category=label.name,
                score=float(result.scores[place]),
                bbox=as_xywh(result.boxes[place].tolist()),
                area=int(np.count_nonzero(result.masks[place])),
                segmentation=encode_mask(result.masks[place]),
            )
        )
    return tuple(records)


class TrackCollector:
    """Gathers the frames of a video into tracks; holds run lengths, not masks."""

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels
        self._frames = 0
        self._found: dict[int, dict[int, tuple[float, Rle]]] = {}
        self._classes: dict[int, Label] = {}

    def add(self, frame: TrackedFrame) -> None:
        """Takes the next frame.

        Raises:
            InputError: If a class is not in the label set.
        """
        found = frame.instances
        for place, track in enumerate(frame.track_ids.tolist()):
            self._classes[track] = _label(self._labels, int(found.labels[place]))
            seen = (float(found.scores[place]), encode_mask(found.masks[place]))
            self._found.setdefault(track, {})[self._frames] = seen
        self._frames += 1

    def records(self) -> tuple[TrackRecord, ...]:
        """Returns the tracks so far, in falling order of score."""
        records = [self._record(track) for track in self._found]
        return tuple(sorted(records, key=lambda record: (-record.score, record.track_id)))

    def _record(self, track: int) -> TrackRecord:
        found, label = self._found[track], self._classes[track]
        masks = {frame: mask for frame, (_, mask) in found.items()}
        return TrackRecord(
            track_id=track,
            category_id=label.category_id,
            category=label.name,
            score=sum(score for score, _ in found.values()) / len(found),
            segmentations=tuple(masks.get(frame) for frame in range(self._frames)),
        )


def _label(labels: LabelSet, class_index: int) -> Label:
    if class_index >= len(labels.labels):
        raise InputError(
            f"class {class_index} is not in label set {labels.name!r} of {len(labels.labels)}; "
            "take the label set that belongs to the model"
        )
    return labels.labels[class_index]
