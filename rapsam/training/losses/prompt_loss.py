"""Loss of prompts: no matching, prompt k wants mask k; and how good it says it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rapsam.models.trainable import StageOutput
from rapsam.training.batch import PromptSample
from rapsam.training.config import LossConfig
from rapsam.training.losses.mask_losses import bce_each, dice_each, uncertain_points, values_at


class PromptLoss(NamedTuple):
    """Weighted losses of one output, scalars."""

    bce: Tensor
    dice: Tensor
    iou: Tensor


def prompt_loss(
    output: StageOutput,
    samples: Sequence[PromptSample],
    generators: Sequence[torch.Generator],
    num_prompts: float,
    config: LossConfig,
) -> PromptLoss:
    """Computes the loss of one of the four outputs.

    Args:
        output: Masks (B, K, h, w) and IoU (B, K); a sample with fewer prompts owns the first ones.
        samples: B of them.
        generators: One per sample; draw the points.
        num_prompts: Prompts of a step, mean over all processes.
        config: Weights and the number of points.
    """
    total = output.mask_logits.new_zeros(())
    bce, dice, iou = total, total, total
    for place, (sample, generator) in enumerate(zip(samples, generators, strict=True)):
        count = len(sample.boxes)
        pixels, overlap = _compared(output.mask_logits[place, :count], sample, generator, config)
        bce = bce + pixels.sum()
        dice = dice + overlap.sum()
        # The published model predicts the dice coefficient of the sampled points and calls it IoU.
        iou = iou + (output.iou[place, :count] - (1 - overlap)).square().sum()
    count_all = max(num_prompts, 1.0)
    return PromptLoss(
        bce=config.bce_weight * bce / count_all,
        dice=config.dice_weight * dice / count_all,
        iou=config.iou_weight * iou / count_all,
    )


def first_mask_loss(
    mask_logits: Tensor,
    samples: Sequence[PromptSample],
    generators: Sequence[torch.Generator],
    num_prompts: float,
    config: LossConfig,
) -> Tensor:
    """Computes the loss of the masks from which the first stage pools; K-Net has the same of its objects.

    Pooling lets no gradient through to the mask, so without this loss nothing tells a prompt where to look
    first (Zhang et al., 2021, supervise the initial masks too).

    Args:
        mask_logits: (B, K, h, w), products of the queries of prompts with the mask features.
        samples: As in `prompt_loss`.
        generators: As in `prompt_loss`.
        num_prompts: As in `prompt_loss`.
        config: As in `prompt_loss`; `first_mask_factor` is not applied.
    """
    total = mask_logits.new_zeros(())
    for place, (sample, generator) in enumerate(zip(samples, generators, strict=True)):
        pixels, overlap = _compared(mask_logits[place, : len(sample.boxes)], sample, generator, config)
        total = total + config.bce_weight * pixels.sum() + config.dice_weight * overlap.sum()
    return total / max(num_prompts, 1.0)


def _compared(
    predicted: Tensor, sample: PromptSample, generator: torch.Generator, config: LossConfig
) -> tuple[Tensor, Tensor]:
    """Compares masks (K, h, w) with the wanted ones at points: BCE and dice loss (K,) each."""
    points = uncertain_points(predicted, config.num_points, generator)
    at_points = values_at(predicted, points)
    truth = values_at(sample.masks.to(predicted.dtype), points)
    return bce_each(at_points, truth), dice_each(at_points, truth)
