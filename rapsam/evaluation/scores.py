"""Scores: what is done with each annotated clip, and which accumulators count it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from scipy.ndimage import distance_transform_cdt

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.evaluation.subject import Subject
from rapsam.export.predict import predict_clips, predict_prompts
from rapsam.metrics.accumulator import Accumulator
from rapsam.metrics.interactive_quality import InteractiveAccumulator
from rapsam.metrics.mask_precision import MaskPrecisionAccumulator
from rapsam.metrics.panoptic_quality import PanopticAccumulator
from rapsam.metrics.reference_map import reference_ids, reference_map
from rapsam.metrics.semantic_iou import SemanticAccumulator
from rapsam.metrics.tube_precision import TubePrecisionAccumulator
from rapsam.metrics.video_tubes import VideoTubes
from rapsam.tasks.arrays import Masks, Pixels
from rapsam.tasks.clips import clip_ends, clip_length
from rapsam.tasks.instances import instance_segmentation, tight_box
from rapsam.tasks.panoptic import panoptic_segmentation

MIN_PROMPT_AREA = 32
"""Smaller segments, in pixels, are not prompted."""
Part = Accumulator[Any, Any]


class Scores(Protocol):
    """Takes annotated clips one by one.

    Attributes:
        parts: Accumulators by name; their states are all that an interrupted evaluation needs.
    """

    parts: dict[str, Part]

    def add(self, subject: Subject, clip: AnnotatedClip) -> None:
        """Predicts a clip, whose classes are those of the subject, and counts the result."""
        ...


class ImageScores:
    """PQ, mask AP and semantic IoU of images, all from one pass of the network."""

    def __init__(self, num_classes: int, num_things: int) -> None:
        self._num_classes, self._num_things = num_classes, num_things
        self._panoptic = PanopticAccumulator(num_classes, num_things)
        self._semantic = SemanticAccumulator(num_classes)
        self._masks = MaskPrecisionAccumulator(num_things)
        self.parts: dict[str, Part] = {
            "panoptic": self._panoptic,
            "mask_ap": self._masks,
            "semantic": self._semantic,
        }

    def add(self, subject: Subject, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is an image."""
        pixels, geometry = subject.network.fit(clip.frames[0])
        found = subject.network.detect(pixels)
        logits = found.mask_logits[:, 0]
        spec = subject.postprocess
        panoptic = panoptic_segmentation(
            found.class_logits,
            logits,
            geometry,
            self._num_things,
            score_threshold=spec.score_threshold,
            overlap_threshold=spec.overlap_threshold,
        ).panoptic_map
        masks = clip.masks[:, 0]
        reference = reference_map(masks, clip.classes, self._num_classes)
        self._panoptic.add(panoptic, reference, reference_ids(clip.classes)[clip.crowd])
        self._semantic.add(panoptic, reference)
        instances = instance_segmentation(found.class_logits, logits, geometry, self._num_things)
        self._masks.add(instances, masks, clip.classes, clip.crowd)


class PromptScores:
    """Quality of one click and of one box per segment, things and stuff."""

    def __init__(self) -> None:
        self._clicks, self._boxes = InteractiveAccumulator(), InteractiveAccumulator()
        self.parts: dict[str, Part] = {"clicks": self._clicks, "boxes": self._boxes}

    def add(self, subject: Subject, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is an image. Classes play no part."""
        image, masks = clip.frames[0], clip.masks[:, 0]
        masks = masks[~clip.crowd & (masks.sum(axis=(1, 2)) >= MIN_PROMPT_AREA)]
        if not len(masks):
            return
        points = [innermost_pixel(mask) for mask in masks]
        boxes = [tuple(tight_box(mask).tolist()) for mask in masks]
        found = predict_prompts(subject.network, image, points, boxes).masks
        self._clicks.add(found[: len(masks)], masks)
        self._boxes.add(found[len(masks) :], masks)


class VideoScores:
    """Tube AP of the things of videos."""

    def __init__(self, num_things: int) -> None:
        self._num_things = num_things
        self._tubes = TubePrecisionAccumulator(num_things)
        self.parts: dict[str, Part] = {"tube_ap": self._tubes}

    def add(self, subject: Subject, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is a whole video."""
        things = clip.classes < self._num_things
        tubes = VideoTubes(clip.classes[things], clip.crowd[things])
        clips = _clips(clip, subject.network.max_clip)
        tracked = predict_clips(subject.network, clips, self._num_things, subject.postprocess, min_score=0.0)
        for place, (_, frame) in enumerate(tracked):
            tubes.add(frame, clip.masks[things, place])
        self._tubes.add(tubes)


def innermost_pixel(mask: Masks) -> tuple[float, float]:
    """Gives x, y of the pixel of a mask (h, w) that is farthest from its border, the first of equals.

    The distance is the Manhattan distance to the next pixel outside, the image's own border counting as
    outside. The published evaluation approximates it by repeated convolutions.
    """
    distance = distance_transform_cdt(np.pad(mask, 1), metric="taxicab")[1:-1, 1:-1]
    y, x = divmod(int(np.argmax(distance)), mask.shape[1])
    return float(x), float(y)


def _clips(clip: AnnotatedClip, longest: int) -> Iterator[list[Pixels]]:
    count = len(clip.frames)
    start = 0
    for end in clip_ends(count, min(clip_length(count), longest)):
        yield list(clip.frames[start:end])
        start = end
