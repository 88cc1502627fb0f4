"""A network that knows the annotation: its scores must be perfect, and those of its mistakes known."""

from __future__ import annotations

import numpy as np

from rapsam.inference.network import PromptLogits
from rapsam.inference.segmenter import Finder, Segmenter
from rapsam.models.rapsam.deployment import PROMPT_SPEC, PUBLISHED_THRESHOLDS
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.preprocess import NetworkInput
from rapsam.tasks.tracker import Clip

QUERIES, SURE = 60, 60.0


class Oracle:
    """Answers for the frames of annotated clips, whose queries are in another order in every pass.

    Args:
        clips: What it knows.
        num_classes: Classes of its vocabulary, which is that of the clips.
        blind_to: A class that it never sees.
    """

    max_clip = 3

    def __init__(self, clips, num_classes, blind_to=None):
        self.num_classes, self.blind_to = num_classes, blind_to
        self.known = {
            frame.tobytes(): (clip, place) for clip in clips for place, frame in enumerate(clip.frames)
        }
        self.passes = 0

    def fit(self, image):
        height, width = image.shape[:2]
        geometry = ImageGeometry(
            padded_size=(height, width), content_size=(height, width), original_size=(height, width)
        )
        return NetworkInput(image.transpose(2, 0, 1)[None].astype(np.float32), geometry)

    def _look_up(self, frame):
        return self.known[frame.transpose(1, 2, 0).astype(np.uint8).tobytes()]

    def detect(self, frames):
        self.passes += 1
        clip, _ = self._look_up(frames[0])
        places = [self._look_up(frame)[1] for frame in frames]
        classes = np.zeros((QUERIES, self.num_classes + 1), np.float32)
        classes[:, -1] = SURE
        masks = np.full((QUERIES, len(frames), *frames.shape[-2:]), -SURE, np.float32)
        for query, (mask, label) in enumerate(zip(clip.masks, clip.classes, strict=True)):
            if label != self.blind_to:
                classes[query, [label, -1]] = SURE, 0
                masks[query][mask[places]] = SURE
        order = np.random.default_rng(self.passes).permutation(QUERIES)
        return Clip(classes[order], np.eye(QUERIES, dtype=np.float32)[order], masks[order])

    def embed(self, pixels):
        return Seen(*self._look_up(pixels[0]), pixels)


class Seen:
    """An image that the oracle knows."""

    def __init__(self, clip, place, pixels):
        self.known, self.pixels = (clip, place), pixels

    def answer(self, prompts):
        (clip, place), pixels = self.known, self.pixels
        height, width = pixels.shape[-2:]
        found = []
        for x1, y1, x2, y2 in prompts["boxes"][0] * np.array([width, height, width, height]):
            point = (int((y1 + y2) / 2), int((x1 + x2) / 2))
            here = [mask[place] for mask in clip.masks if mask[place][point]]
            found.append(np.where(here[0] if here else np.zeros((height, width), bool), SURE, -SURE))
        return PromptLogits(np.stack(found)[:, None].astype(np.float32), np.ones((len(found), 1), np.float32))


def oracle_segmenter(source, blind_to=None, **changes) -> Segmenter:
    clips = [source.read(index) for index in range(len(source))]
    network = Oracle(clips, len(source.label_set.labels), blind_to)
    facts = {
        "name": "oracle",
        "runtime": "NumPy",
        "input_size": "as it is",
        "key": lambda: f"blind to {blind_to}",
        "network": network,
        "video_network": network,
        "max_clip": network.max_clip,
        "tasks": ("panoptic", "prompt", "video"),
        "finder": Finder(source.label_set, PUBLISHED_THRESHOLDS),
        "prompts": PROMPT_SPEC,
        "trained": True,
    }
    return Segmenter(**facts | changes)
