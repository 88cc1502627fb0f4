import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rapsam.training.mask_losses import bce_each, bce_pairs, dice_each, dice_pairs

LOGITS = hnp.arrays(np.float64, (3, 7), elements=st.floats(-30, 30))
TRUTH = hnp.arrays(np.float64, (3, 7), elements=st.sampled_from([0.0, 0.25, 1.0]))


@given(LOGITS, TRUTH)
def test_pairs_hold_the_losses_of_single_masks_on_their_diagonal(logits, truth):
    logits, truth = torch.from_numpy(logits), torch.from_numpy(truth)
    torch.testing.assert_close(bce_pairs(logits, truth).diagonal(), bce_each(logits, truth))
    torch.testing.assert_close(dice_pairs(logits, truth).diagonal(), dice_each(logits, truth))


@given(LOGITS, TRUTH)
def test_pairs_agree_with_torch_for_every_combination(logits, truth):
    logits, truth = torch.from_numpy(logits), torch.from_numpy(truth)
    wanted = [[F.binary_cross_entropy_with_logits(a, b) for b in truth] for a in logits]
    torch.testing.assert_close(bce_pairs(logits, truth), torch.tensor(wanted))


def test_dice_by_hand():
    # Probabilities of 1/2 on four points, two of them inside: 1 - (2 * 1 + 1) / (2 + 2 + 1).
    loss = dice_each(torch.zeros(1, 4), torch.tensor([[1.0, 1.0, 0.0, 0.0]]))
    assert loss.item() == pytest.approx(1 - 3 / 5)


def test_an_empty_mask_that_nothing_predicts_costs_nothing():
    loss = dice_each(torch.full((1, 5), -100.0), torch.zeros(1, 5))
    assert loss.item() == pytest.approx(0)
