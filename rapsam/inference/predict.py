"""From an image or a video to results, with any network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np

from rapsam.inference.network import Network
from rapsam.tasks.arrays import Floats, Masks, Pixels
from rapsam.tasks.duplicates import DistinctTracks
from rapsam.tasks.panoptic import PanopticResult, panoptic_segmentation
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.prompt import interactive_masks, normalised_boxes, prompt_boxes
from rapsam.tasks.tracker import NearOnlineTracker
from rapsam.tasks.video import TrackedFrame, TrackNumbers, video_instances


class PromptResult(msgspec.Struct, frozen=True, kw_only=True):
    """Masks of prompted regions, in the order of the prompts: points first, then boxes.

    Attributes:
        masks: (K, h0, w0) bool at the size of the image.
        predicted_iou: (K,) float32, what the network thinks of its masks, raw.
    """

    masks: Masks
    predicted_iou: Floats


def predict_panoptic(
    network: Network, image: Pixels, num_things: int, postprocess: PostprocessSpec
) -> PanopticResult:
    """Segments an RGB image (h, w, 3), uint8."""
    pixels, geometry = network.fit(image)
    found = network.detect(pixels)
    return panoptic_segmentation(
        found.class_logits,
        found.mask_logits[:, 0],
        geometry,
        num_things,
        score_threshold=postprocess.score_threshold,
        overlap_threshold=postprocess.overlap_threshold,
    )


def predict_prompts(
    network: Network,
    image: Pixels,
    points: Sequence[Sequence[float]],
    boxes: Sequence[Sequence[float]],
) -> PromptResult:
    """Segments prompted regions of an RGB image (h, w, 3), uint8; prompts in its pixels.

    Raises:
        InputError: If a prompt is malformed or outside the image.
    """
    pixels, geometry = network.fit(image)
    fractions = normalised_boxes(prompt_boxes(points, boxes, geometry), geometry)
    logits = network.segment(pixels, fractions)
    return PromptResult(masks=interactive_masks(logits.mask_logits, geometry), predicted_iou=logits.iou)


def predict_clips(
    network: Network,
    clips: Iterable[Sequence[Pixels]],
    num_things: int,
    postprocess: PostprocessSpec,
    min_score: float,
) -> Iterator[tuple[Pixels, TrackedFrame]]:
    """Follows objects through a video, clip by clip, near-online; holds one clip in memory.

    The class of a track is judged by the mean over the clips so far. Of several tracks on one object one is
    reported; see `DistinctTracks`.

    Args:
        network: Any network that takes clips of this length.
        clips: Consecutive clips of RGB frames (h, w, 3), uint8, all of one size.
        num_things: Thing classes.
        postprocess: Gives the number of candidates.
        min_score: Instances below are left out.

    Yields:
        Every frame with its tracked instances.
    """
    tracker, numbers, distinct = NearOnlineTracker(), TrackNumbers(), DistinctTracks()
    for frames in clips:
        fitted = [network.fit(frame) for frame in frames]
        found = network.detect(np.concatenate([each.pixels for each in fitted]))
        clip = tracker.update(*found)
        tracked = video_instances(
            clip.class_logits,
            clip.mask_logits,
            fitted[0].geometry,
            num_things,
            top_k=postprocess.top_k,
            min_score=min_score,
            numbers=numbers,
        )
        yield from zip(frames, distinct.of(tracked), strict=True)
