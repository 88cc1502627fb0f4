import math
from dataclasses import replace

import pytest
import torch

from rapsam.models.trainable import StageOutput
from rapsam.training.batch import PromptSample
from rapsam.training.config import LossConfig
from rapsam.training.losses.prompt_loss import first_mask_loss, prompt_loss

CONFIG = LossConfig(num_points=256)
SIZE = 16


def _sample(count=2):
    masks = torch.zeros(count, SIZE, SIZE, dtype=torch.bool)
    for place in range(count):
        masks[place, 4 * place : 4 * place + 4] = True
    return PromptSample(0, "drawn", torch.zeros(1, 3, SIZE, SIZE), torch.zeros(count, 4), masks)


def _loss(masks, iou, sample, count):
    output = StageOutput(torch.zeros(1, len(iou), 2), masks[None], iou[None], torch.zeros(1, len(iou), 8))
    return prompt_loss(output, [sample], [torch.Generator().manual_seed(0)], count, CONFIG)


def test_prompt_k_wants_mask_k():
    sample = _sample()
    right = 2 * (2.0 * sample.masks - 1)
    good, swapped = (_loss(masks, torch.ones(2), sample, 2) for masks in (right, right.flip(0)))
    # Most points lie on borders, where logits and truth are interpolated: something remains there.
    assert float(good.dice) < float(swapped.dice) / 2
    assert float(good.bce) < float(swapped.bce) / 2


@pytest.mark.parametrize("count", [1, 3])
def test_losses_are_weighted_as_published_and_divided_by_the_prompts(count):
    sample = _sample(count)
    sample = replace(sample, masks=torch.zeros_like(sample.masks))
    found = _loss(torch.zeros(count, SIZE, SIZE), torch.zeros(count), sample, count)
    overlap = 1 / (CONFIG.num_points / 2 + 1)
    assert float(found.bce) == pytest.approx(5 * math.log(2))
    assert float(found.dice) == pytest.approx(5 * (1 - overlap))
    assert float(found.iou) == pytest.approx(10 * overlap**2, rel=1e-4)


def test_the_iou_head_learns_the_dice_coefficient_of_the_points():
    sample = _sample(count=1)
    logits = torch.zeros(1, SIZE, SIZE)
    found = _loss(logits, torch.zeros(1), sample, 1)
    coefficient = 1 - float(found.dice) / CONFIG.dice_weight
    assert float(found.iou) == pytest.approx(CONFIG.iou_weight * coefficient**2, rel=1e-5)


def test_prompts_that_fill_up_a_batch_cost_nothing():
    sample = _sample(count=1)
    right = 20 * (2.0 * sample.masks - 1)
    alone = _loss(right, torch.ones(1), sample, 1)
    filled = _loss(torch.cat([right, -right]), torch.tensor([1.0, 77.0]), sample, 1)
    assert float(alone.iou) == float(filled.iou)
    assert float(alone.dice) == float(filled.dice)


def test_first_masks_are_told_where_to_look():
    sample = _sample()
    right = 2 * (2.0 * sample.masks - 1)

    def loss(masks):
        return float(first_mask_loss(masks[None], [sample], [torch.Generator().manual_seed(0)], 2, CONFIG))

    assert loss(right) < loss(right.flip(0)) / 2
    # What fills up a batch costs nothing.
    assert loss(torch.cat([right, -right])) == loss(right)
