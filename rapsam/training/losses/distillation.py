"""Learning from a larger network: its mask features (FitNets, Romero et al., 2015) and its soft masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rapsam.models.trainable import StageOutput, Trainable
from rapsam.training.batch import ObjectSample
from rapsam.training.config import DistillConfig, LossConfig
from rapsam.training.losses.matcher import Matching, match


class ObjectAnswer(NamedTuple):
    """What a network finds in samples with the same number of frames.

    Attributes:
        group: B samples.
        output: Of the adapter; masks (B, Q, h, w) or (B, Q, T, h, w).
        matchings: B of them: which query answers for which object.
    """

    group: Sequence[ObjectSample]
    output: StageOutput
    matchings: Sequence[Matching]


class Distillation(nn.Module):
    """Compares a network in training, the student, with a frozen one, the teacher.

    Args:
        teacher: Knows the same classes.
        student: Its features may have any width; a learned projection brings them to the teacher's.
        config: Weights.
    """

    def __init__(self, teacher: Trainable, student: Trainable, config: DistillConfig) -> None:
        super().__init__()
        # In a list, so that it is no submodule: it is neither trained nor saved.
        self._teacher = [teacher.eval().requires_grad_(False)]
        self.config = config
        self.projection = nn.Conv2d(student.feature_width, teacher.feature_width, 1)

    @torch.no_grad()
    def teacher_features(self, frames: Tensor) -> Tensor:
        """Computes the teacher's mask features (B, C, h, w) of normalised frames (B, 3, H, W)."""
        teacher = self._teacher[0]
        if next(teacher.parameters()).device != frames.device:
            teacher.to(frames.device)
        return teacher.encode(frames)

    def feature_loss(self, features: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared difference of each frame's features in units of the teacher's, summed over frames."""
        found: Tensor = self.projection(features)
        difference = (found - wanted).square().mean(dim=(1, 2, 3))
        scale = wanted.square().mean(dim=(1, 2, 3)).clamp(min=1e-12)
        return self.config.feature_weight * (difference / scale).sum()

    def object_loss(self, answer: ObjectAnswer, features: Tensor, loss: LossConfig, masks: float) -> Tensor:
        """Compares the masks of the queries that answer for the same object.

        Args:
            answer: Of the student.
            features: Of the teacher, for the same frames.
            loss: Costs of the matching.
            masks: Matched masks of a step, mean over all processes.
        """
        frames = features.shape[0] // len(answer.group)
        with torch.no_grad():
            output = self._teacher[0].detect(features, frames)[-1]
        total = features.new_zeros(())
        for place, (sample, found) in enumerate(zip(answer.group, answer.matchings, strict=True)):
            ours, theirs = answer.output.mask_logits[place], output.mask_logits[place]
            wanted = match(
                output.class_logits[place],
                theirs.reshape(len(theirs), -1, theirs.shape[-1]),
                sample.classes,
                sample.masks.flatten(1, 2).to(theirs.dtype),
                loss,
                torch.Generator().manual_seed(sample.number),
            )
            teacher_query = dict(zip(wanted.objects.tolist(), wanted.queries.tolist(), strict=True))
            pairs = [
                (query, teacher_query[thing])
                for query, thing in zip(found.queries.tolist(), found.objects.tolist(), strict=True)
                if thing in teacher_query
            ]
            if pairs:
                one, other = (list(side) for side in zip(*pairs, strict=True))
                total = total + _soft_mask_difference(ours[one], theirs[other])
        return self.config.mask_weight * total / max(masks, 1.0)

    def prompt_loss(
        self, output: StageOutput, features: Tensor, boxes: Tensor, counts: Sequence[int], prompts: float
    ) -> Tensor:
        """Compares the masks that prompts get.

        Args:
            output: Of the student's adapter; masks (B, K, h, w).
            features: Of the teacher, (B, C, h, w).
            boxes: (B, K, 4); a sample with fewer prompts owns the first ones.
            counts: Prompts of each sample.
            prompts: Prompts of a step, mean over all processes.
        """
        with torch.no_grad():
            wanted = self._teacher[0].segment(features, boxes)[-1]
        total = features.new_zeros(())
        for place, count in enumerate(counts):
            total = total + _soft_mask_difference(
                output.mask_logits[place, :count], wanted.mask_logits[place, :count]
            )
        return self.config.mask_weight * total / max(prompts, 1.0)


def _soft_mask_difference(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared difference of mask probabilities (M, ..., h, w), mean over pixels, sum over masks."""
    difference = logits.flatten(1).sigmoid() - wanted.flatten(1).sigmoid()
    return difference.square().mean(-1).sum()
