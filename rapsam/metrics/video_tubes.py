"""The tracks of one video and the objects that they should follow."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from rapsam.errors import InputError
from rapsam.metrics.judge_detections import Detections, References
from rapsam.metrics.tubes import TubeRecorder
from rapsam.tasks.arrays import Indices, Masks
from rapsam.tasks.video import TrackedFrame


class VideoTubes:
    """Takes a video frame by frame and keeps run lengths only.

    Args:
        classes: (N,) class indices of the objects.
        crowd: (N,) bool, regions of many objects that nobody separated.
    """

    def __init__(self, classes: Indices, crowd: npt.NDArray[np.bool_]) -> None:
        self._classes, self._crowd = classes, crowd
        self._tracks, self._objects = TubeRecorder(), TubeRecorder()
        self._labels: dict[int, int] = {}
        self._scores: defaultdict[int, list[float]] = defaultdict(list)

    def add(self, frame: TrackedFrame, masks: Masks) -> None:
        """Takes the next frame.

        Args:
            frame: Its instances; a track has one class.
            masks: (N, h, w) bool, the objects in this frame; empty where one is not seen.

        Raises:
            InputError: If number or sizes of the masks differ.
        """
        found = frame.instances
        expected = (len(self._classes), *found.masks.shape[1:])
        if masks.shape != expected:
            raise InputError(f"masks of the objects are {list(masks.shape)}; expected {list(expected)}")
        tracks = frame.track_ids.tolist()
        self._tracks.add(found.masks, tracks)
        self._objects.add(masks, range(len(masks)))
        self._labels.update(zip(tracks, found.labels.tolist(), strict=True))
        for track, score in zip(tracks, found.scores.tolist(), strict=True):
            self._scores[track].append(score)

    def found(self) -> Detections:
        """Returns the tracks; the score of a track is the mean over the frames where it was found."""
        return Detections(
            masks=[self._tracks.tube(track) for track in self._labels],
            classes=np.array(list(self._labels.values()), np.int64),
            scores=np.array([np.mean(self._scores[track]) for track in self._labels], np.float64),
        )

    def wanted(self) -> References:
        """Returns the objects."""
        tubes = [self._objects.tube(number) for number in range(len(self._classes))]
        return References(tubes, self._classes, self._crowd)
