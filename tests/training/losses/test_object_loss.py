import math
from dataclasses import replace

import pytest
import torch

from rapsam.models.trainable import StageOutput
from rapsam.training.batch import ObjectSample
from rapsam.training.config import LossConfig
from rapsam.training.losses.object_loss import ObjectNormalisers, object_counts, object_loss

CONFIG = LossConfig(num_points=256)
SIZE, QUERIES, CLASSES = 16, 4, 3
VOID = CLASSES


def _sample(classes=(1, 2), frames=1, taught=(True,) * CLASSES):
    masks = torch.zeros(len(classes), frames, SIZE, SIZE, dtype=torch.bool)
    for place in range(len(classes)):
        masks[place, :, 4 * place : 4 * place + 4] = True
    images = torch.zeros(frames, 3, SIZE, SIZE)
    return ObjectSample(
        0, "drawn", images, masks, torch.tensor(classes, dtype=torch.int64), torch.tensor(taught)
    )


def _perfect(sample, strength=50.0):
    """Queries 0, 1, .. answer for objects 0, 1, ..; the others say void."""
    count, frames = sample.masks.shape[:2]
    class_logits = torch.zeros(1, QUERIES, CLASSES + 1)
    class_logits[..., VOID] = strength
    mask_logits = torch.full((1, QUERIES, frames, SIZE, SIZE), -strength)
    for place in range(count):
        class_logits[0, place, VOID] = 0
        class_logits[0, place, max(0, int(sample.classes[place]))] = strength
        mask_logits[0, place] = strength * (2.0 * sample.masks[place] - 1)
    if frames == 1:
        mask_logits = mask_logits[:, :, 0]
    return StageOutput(class_logits, mask_logits, torch.zeros(1, QUERIES), torch.zeros(1, QUERIES, 8))


def _loss(output, sample, normalisers=None):
    normalisers = normalisers or object_counts([sample], QUERIES, CONFIG)
    return object_loss(output, [sample], [torch.Generator().manual_seed(0)], normalisers, CONFIG)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_perfect_answer_costs_next_to_nothing(frames):
    sample = _sample(frames=frames)
    found = _loss(_perfect(sample), sample)
    assert float(found.classes) == pytest.approx(0, abs=1e-6)
    # Most points lie on borders, where logits and truth are interpolated: something remains there.
    undecided = _loss(_perfect(sample, strength=0.0), sample)
    assert float(found.dice) < float(undecided.dice) / 2


@pytest.mark.parametrize("count", [1, 3])
def test_masks_are_weighted_as_published_and_divided_by_their_number(count):
    sample = _sample(classes=(1,) * count)
    sample = replace(sample, masks=torch.zeros_like(sample.masks))
    found = _loss(_perfect(sample, strength=0.0), sample)
    # Undecided everywhere about masks that are empty: ln 2 of each, and 1 - 1 / (half of the points + 1).
    assert float(found.bce) == pytest.approx(5 * math.log(2))
    assert float(found.dice) == pytest.approx(5 * (1 - 1 / (CONFIG.num_points / 2 + 1)))
    halved = _loss(_perfect(sample, strength=0.0), sample, ObjectNormalisers(2 * count, 1.0))
    assert float(halved.bce) == pytest.approx(float(found.bce) / 2)
    assert float(halved.dice) == pytest.approx(float(found.dice) / 2)


def test_classes_are_weighted_as_published():
    sample = _sample(classes=(1,))
    output = _perfect(sample)
    uniform = StageOutput(
        torch.zeros_like(output.class_logits), output.mask_logits, output.iou, output.queries
    )
    # Every query costs ln 4; one of weight 1 and three of 0.1, divided by the sum of the weights.
    assert float(_loss(uniform, sample).classes) == pytest.approx(CONFIG.class_weight * math.log(4))
    assert object_counts([sample], QUERIES, CONFIG) == ObjectNormalisers(1, pytest.approx(1.3))


def test_a_class_that_the_model_does_not_know_teaches_masks_only():
    sample = _sample(classes=(-1,))
    right = _perfect(sample)
    found = _loss(right, sample)
    assert [pairs.queries.tolist() for pairs in found.matchings] == [[0]]
    wrong_class = right.class_logits.clone()
    wrong_class[0, 0] = torch.tensor([9.0, -9.0, 3.0, 1.0])
    changed = StageOutput(wrong_class, right.mask_logits, right.iou, right.queries)
    assert float(_loss(changed, sample).classes) == pytest.approx(float(found.classes))


def test_an_image_without_objects_teaches_void():
    sample = _sample(classes=())
    found = _loss(_perfect(sample), sample)
    assert float(found.bce) == float(found.dice) == 0
    assert float(found.classes) == pytest.approx(0, abs=1e-6)


def test_gradients_reach_matched_masks_only():
    sample = _sample()
    output = _perfect(sample, strength=0.0)
    logits = output.mask_logits.requires_grad_()
    found = _loss(StageOutput(output.class_logits, logits, output.iou, output.queries), sample)
    (found.bce + found.dice).backward()
    touched = logits.grad.abs().sum((0, 2, 3)) > 0
    assert touched.nonzero().flatten().tolist() == found.matchings[0].queries.tolist()


def test_a_class_that_the_data_set_never_annotates_is_taught_nothing():
    sample = _sample(classes=(1,), taught=(True, True, False))
    output = _perfect(sample)
    logits = torch.zeros_like(output.class_logits).requires_grad_()
    found = _loss(StageOutput(logits, output.mask_logits, output.iou, output.queries), sample)
    # Classes 0 and 1 and void compete; class 2, which may well be in the picture, does not.
    assert float(found.classes.detach()) == pytest.approx(CONFIG.class_weight * math.log(3))
    found.classes.backward()
    assert logits.grad[..., 2].abs().max() == 0
    assert logits.grad[..., [0, 1, VOID]].abs().min() > 0
