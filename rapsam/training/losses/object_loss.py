"""Loss of the object queries: class of every query, masks of the matched ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rapsam.models.trainable import StageOutput
from rapsam.training.batch import ObjectSample
from rapsam.training.config import LossConfig
from rapsam.training.losses.mask_losses import bce_each, dice_each, uncertain_points, values_at
from rapsam.training.losses.matcher import Matching, match


class ObjectLoss(NamedTuple):
    """Weighted losses of one output, scalars, and which query answered for which object."""

    classes: Tensor
    bce: Tensor
    dice: Tensor
    matchings: tuple[Matching, ...]


class ObjectNormalisers(NamedTuple):
    """What sums are divided by; means over all processes, so that many equal one.

    Attributes:
        masks: Matched masks of a step, at least 1.
        class_weights: Sum of the class weights of a step's queries.
    """

    masks: float
    class_weights: float


def object_counts(samples: Sequence[ObjectSample], num_queries: int, config: LossConfig) -> ObjectNormalisers:
    """Counts what this process adds to the normalisers, known before anything is matched."""
    masks = sum(min(len(sample.classes), num_queries) for sample in samples)
    # A class that the model does not know is ignored; it has no weight either.
    known = sum(min(int((sample.classes >= 0).sum()), num_queries) for sample in samples)
    void = len(samples) * num_queries - masks
    return ObjectNormalisers(masks, known + config.void_weight * void)


def object_loss(
    output: StageOutput,
    samples: Sequence[ObjectSample],
    generators: Sequence[torch.Generator],
    normalisers: ObjectNormalisers,
    config: LossConfig,
) -> ObjectLoss:
    """Computes the loss of one of the four outputs.

    Args:
        output: Of samples with the same number of frames; masks (B, Q, h, w) or (B, Q, T, h, w).
        samples: B of them.
        generators: One per sample; draw the points.
        normalisers: See `ObjectNormalisers`.
        config: Weights and the number of points.
    """
    total = output.mask_logits.new_zeros(())
    classes, bce, dice, matchings = total, total, total, []
    for place, (sample, generator) in enumerate(zip(samples, generators, strict=True)):
        class_logits = _taught_only(output.class_logits[place], sample.taught)
        mask_logits = _stacked(output.mask_logits[place])
        masks = _stacked(sample.masks).to(mask_logits.dtype)
        found = match(class_logits, mask_logits, sample.classes, masks, config, generator)
        matchings.append(found)
        classes = classes + _class_loss(class_logits, sample.classes, found, config)
        predicted = mask_logits[found.queries]
        points = uncertain_points(predicted, config.num_points, generator)
        at_points = values_at(predicted, points)
        truth = values_at(masks[found.objects], points)
        bce = bce + bce_each(at_points, truth).sum()
        dice = dice + dice_each(at_points, truth).sum()
    return ObjectLoss(
        classes=config.class_weight * classes / max(normalisers.class_weights, 1e-6),
        bce=config.bce_weight * bce / max(normalisers.masks, 1.0),
        dice=config.dice_weight * dice / max(normalisers.masks, 1.0),
        matchings=tuple(matchings),
    )


def _taught_only(class_logits: Tensor, taught: Tensor) -> Tensor:
    """Takes classes that the sample says nothing about out of the softmax of (Q, K + 1); void stays."""
    untaught = F.pad(~taught, (0, 1), value=False)
    return class_logits.masked_fill(untaught, float("-inf"))


def _class_loss(class_logits: Tensor, classes: Tensor, found: Matching, config: LossConfig) -> Tensor:
    """Cross-entropy summed over the queries (Q, K + 1); those without an object are void."""
    void = class_logits.shape[-1] - 1
    targets = torch.full((len(class_logits),), void, device=class_logits.device)
    targets[found.queries] = classes[found.objects]
    weights = torch.where(targets == void, config.void_weight, 1.0)
    losses = F.cross_entropy(class_logits, targets, reduction="none", ignore_index=-1)
    return (weights * losses).sum()


def _stacked(masks: Tensor) -> Tensor:
    """Puts the frames of (N, T, H, W) below each other: (N, T * H, W); images stay (N, H, W)."""
    return masks.flatten(1, 2) if masks.dim() == 4 else masks
