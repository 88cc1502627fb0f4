"""Scores of videos: tracks of things, and panoptic videos."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.evaluation.scores import Part, with_known_classes
from rapsam.inference.segmenter import Segmenter
from rapsam.metrics.overlaps import count_overlaps
from rapsam.metrics.reference_map import reference_ids, reference_map
from rapsam.metrics.tracking_quality import TrackingAccumulator
from rapsam.metrics.tube_precision import TubePrecisionAccumulator
from rapsam.metrics.video_panoptic_quality import VideoPanopticAccumulator
from rapsam.metrics.video_tubes import VideoTubes
from rapsam.tasks.arrays import Floats, Ids, Pixels
from rapsam.tasks.clips import clip_ends, clip_length
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import INSTANCE_STEP, panoptic_segmentation
from rapsam.tasks.tracker import merge_clips
from rapsam.tasks.video import video_instances


class TrackScores:
    """Tube AP of the things of videos; see `Scores`."""

    def __init__(self, segmenter: Segmenter) -> None:
        labels = segmenter.object_finder().labels
        self._num_things = labels.num_things
        self._tubes = TubePrecisionAccumulator(labels.num_things)
        self.parts: dict[str, Part] = {"tube_ap": self._tubes}

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is a whole video."""
        clip = with_known_classes(clip)
        things = clip.classes < self._num_things
        tubes = VideoTubes(clip.classes[things], clip.crowd[things])
        seen = _watch(segmenter, clip.frames)
        tracked = video_instances(
            seen.class_logits,
            seen.mask_logits,
            seen.geometry,
            self._num_things,
            top_k=segmenter.object_finder().postprocess.top_k,
        )
        for place, frame in enumerate(tracked):
            tubes.add(frame, clip.masks[things, place])
        self._tubes.add(tubes)


class VideoPanopticScores:
    """VPQ and STQ of videos with things and stuff; see `Scores`."""

    def __init__(self, segmenter: Segmenter) -> None:
        labels = segmenter.object_finder().labels
        self._num_classes, self._num_things = len(labels.labels), labels.num_things
        self._quality = VideoPanopticAccumulator(self._num_classes, self._num_things)
        self._tracking = TrackingAccumulator(self._num_classes, self._num_things)
        self.parts: dict[str, Part] = {"vpq": self._quality, "stq": self._tracking}

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is a whole video."""
        clip = with_known_classes(clip)
        seen = _watch(segmenter, clip.frames)
        reference = reference_map(clip.masks, clip.classes, self._num_classes)
        crowd = reference_ids(clip.classes)[clip.crowd]
        overlaps = [
            count_overlaps(_tracked_map(seen, place, segmenter, self._num_things), wanted)
            for place, wanted in enumerate(reference)
        ]
        self._quality.add(overlaps, crowd)
        self._tracking.add(overlaps, crowd)


class _Seen(NamedTuple):
    """What a network says about a whole video, in the query order of the first clip.

    Attributes:
        class_logits: (Q, K+1), mean over the clips.
        mask_logits: (Q, T, h, w), 0.85 GB for 36 frames of 736x1280. While clips are joined three copies
            are in memory: the most that an evaluation needs.
        geometry: Of a frame.
    """

    class_logits: Floats
    mask_logits: Floats
    geometry: ImageGeometry


def _watch(segmenter: Segmenter, frames: Pixels) -> _Seen:
    """Runs clip after clip and joins them as the published evaluation does (near-online, MinVIS)."""
    network, count = segmenter.video_network, len(frames)
    fitted = [network.fit(frame) for frame in frames]
    ends = clip_ends(count, min(clip_length(count), segmenter.max_clip))
    clips = [
        network.detect(np.concatenate([each.pixels for each in fitted[start:end]]))
        for start, end in pairwise((0, *ends))
    ]
    class_logits, mask_logits = merge_clips(clips)
    return _Seen(class_logits, mask_logits, fitted[0].geometry)


def _tracked_map(seen: _Seen, frame: int, segmenter: Segmenter, num_things: int) -> Ids:
    """Makes the panoptic map of a frame, in which a thing has the number of its query in every frame."""
    result = panoptic_segmentation(
        seen.class_logits,
        seen.mask_logits[:, frame],
        seen.geometry,
        num_things,
        score_threshold=segmenter.object_finder().postprocess.score_threshold,
        overlap_threshold=segmenter.object_finder().postprocess.overlap_threshold,
    )
    tracked = result.panoptic_map.copy()
    for segment in result.segments:
        if segment.is_thing:
            number = segment.class_index + INSTANCE_STEP * (segment.query + 1)
            tracked[result.panoptic_map == segment.id] = number
    return tracked
