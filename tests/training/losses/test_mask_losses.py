import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rapsam.training.losses.mask_losses import (
    OVERSAMPLING,
    UNCERTAIN_SHARE,
    bce_each,
    bce_pairs,
    dice_each,
    dice_pairs,
    random_points,
    uncertain_points,
    values_at,
)

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


def test_a_point_at_the_centre_of_a_pixel_reads_that_pixel():
    maps = torch.arange(12.0).reshape(1, 3, 4)
    y, x = torch.meshgrid((torch.arange(3) + 0.5) / 3, (torch.arange(4) + 0.5) / 4, indexing="ij")
    points = torch.stack([x, y], dim=-1).reshape(1, -1, 2)
    torch.testing.assert_close(values_at(maps, points), maps.flatten(1))


def test_one_set_of_points_serves_all_maps():
    maps = torch.rand(5, 6, 6, generator=torch.Generator().manual_seed(0))
    points = random_points(9, 1, torch.Generator().manual_seed(1), torch.device("cpu"))
    wanted = torch.cat([values_at(part[None], points) for part in maps])
    torch.testing.assert_close(values_at(maps, points), wanted)


def test_most_points_lie_where_the_mask_is_undecided():
    # Logits rise from -8 to 8 from left to right: undecided in the middle column.
    logits = torch.linspace(-8, 8, 65).expand(2, 64, 65).contiguous()
    count = 400
    points = uncertain_points(logits, count, torch.Generator().manual_seed(2))
    assert points.shape == (2, count, 2)
    sure = values_at(logits, points).abs()
    near = (sure[:, : int(UNCERTAIN_SHARE * count)]).max()
    # A quarter of thrice as many candidates were kept: those within a quarter of the range.
    assert near < 8 * UNCERTAIN_SHARE / OVERSAMPLING * 1.3
    assert sure[:, int(UNCERTAIN_SHARE * count) :].max() > 6


def test_points_follow_from_the_generator():
    logits = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(3)) - 0.5
    first, second = (uncertain_points(logits, 20, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, second)
