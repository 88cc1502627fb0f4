"""Scores of `sam_distillation`: a click and a box for every region, as `rapsam eval --task prompts` asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from rapsam.benchmarks.studies.distillation_records import HeldOut, ImageIous, MeanIou, ScoresAt
from rapsam.data.synth.source import SynthImages
from rapsam.evaluation.prompt_scores import prompts_for, seen_masks
from rapsam.inference.segmenter import model_segmenter
from rapsam.metrics.mask_iou import paired_iou
from rapsam.models.build import build_model
from rapsam.models.promptable import Promptable, promptable
from rapsam.tasks.arrays import Masks, Pixels
from rapsam.tasks.preprocess import normalised_square
from rapsam.training.run.state import WEIGHTS


class HeldOutImage(NamedTuple):
    """An image and its regions.

    Attributes:
        image: (h, w, 3) uint8.
        masks: (K, h, w) bool.
    """

    image: Pixels
    masks: Masks


class Answers(NamedTuple):
    """What a network says about all images.

    Attributes:
        clicks: For each image (K, h, w) bool, the masks of clicks.
        boxes: The masks of boxes.
        embeddings: For each image (C, h, w).
    """

    clicks: tuple[Masks, ...]
    boxes: tuple[Masks, ...]
    embeddings: tuple[Tensor, ...]

    @classmethod
    def of(cls, model: str, weights: str | Path, images: Sequence[HeldOutImage]) -> Self:
        """Asks a network, by its variant and a file of weights, for every region of every image."""
        network = promptable(build_model(model, checkpoint=weights), model)
        side = images[0].image.shape[0]
        segmenter = model_segmenter(network, (side, side))
        clicks, boxes = [], []
        for image, masks in images:
            points, corners = prompts_for(masks, segmenter.prompt_spec())
            found = segmenter.embed(image).predict(points=points, boxes=corners).masks
            clicks.append(found[: len(masks)])
            boxes.append(found[len(masks) :])
        embeddings = tuple(_embedding(network, image) for image, _ in images)
        return cls(tuple(clicks), tuple(boxes), embeddings)

    def truth(self, images: Sequence[HeldOutImage]) -> MeanIou:
        """Compares with the masks of the world."""
        wanted = [image.masks for image in images]
        return MeanIou(click=_mean_iou(self.clicks, wanted), box=_mean_iou(self.boxes, wanted))

    def beside(self, teacher: Answers) -> MeanIou:
        """Compares with the answers of a teacher to the same prompts."""
        return MeanIou(click=_mean_iou(self.clicks, teacher.clicks), box=_mean_iou(self.boxes, teacher.boxes))

    def by_image(self, images: Sequence[HeldOutImage], teacher: Answers) -> tuple[ImageIous, ...]:
        """Compares image by image, with both."""
        found = []
        for place, image in enumerate(images):
            if not len(image.masks):
                continue
            one, other = self._only(place), teacher._only(place)
            found.append(
                ImageIous(regions=len(image.masks), truth=one.truth([image]), teacher=one.beside(other))
            )
        return tuple(found)

    def _only(self, place: int) -> Answers:
        here = slice(place, place + 1)
        return Answers(self.clicks[here], self.boxes[here], self.embeddings[here])

    def embedding_error(self, teacher: Answers) -> float:
        """Mean squared difference of the embeddings."""
        pairs = zip(self.embeddings, teacher.embeddings, strict=True)
        return float(torch.stack([(ours - theirs).square().mean() for ours, theirs in pairs]).mean())


def held_out_images(held_out: HeldOut) -> list[HeldOutImage]:
    """Draws the images."""
    source = SynthImages(held_out.seed, held_out.images, (held_out.side, held_out.side))
    clips = [source.read(place) for place in range(held_out.images)]
    return [HeldOutImage(clip.frames[0], seen_masks(clip)) for clip in clips]


def scored(
    model: str, checkpoints: Sequence[Path], images: Sequence[HeldOutImage], teacher: Answers
) -> list[ScoresAt]:
    """Scores the checkpoints of a run."""
    scores = []
    for checkpoint in checkpoints:
        answers = Answers.of(model, checkpoint / WEIGHTS, images)
        scores.append(
            ScoresAt(
                step=int(checkpoint.name.removeprefix("step-")),
                truth=answers.truth(images),
                teacher=answers.beside(teacher),
                embedding_error=answers.embedding_error(teacher),
            )
        )
    return scores


def _mean_iou(found: Sequence[Masks], wanted: Sequence[Masks]) -> float:
    pairs = zip(found, wanted, strict=True)
    return float(np.concatenate([paired_iou(ours, theirs) for ours, theirs in pairs]).mean())


@torch.no_grad()
def _embedding(network: Promptable, image: Pixels) -> Tensor:
    pixels = torch.from_numpy(normalised_square(image, image.shape[0]).pixels)
    return network.encode(pixels)[0].cpu()
