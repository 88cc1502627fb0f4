"""Which query answers for which object: Hungarian matching of class, cross-entropy and dice."""

from __future__ import annotations

from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from rapsam.training.config import LossConfig
from rapsam.training.losses.mask_losses import bce_pairs, dice_pairs, random_points, values_at


class Matching(NamedTuple):
    """Pairs of query and object of one sample, in the order of the queries.

    Attributes:
        queries: (M,) int64.
        objects: (M,) int64; M is the smaller of the numbers of queries and objects.
    """

    queries: Tensor
    objects: Tensor


@torch.no_grad()
def match(
    class_logits: Tensor,
    mask_logits: Tensor,
    classes: Tensor,
    masks: Tensor,
    config: LossConfig,
    generator: torch.Generator,
) -> Matching:
    """Matches the queries of one sample with its objects (MODEL: class, BCE and dice on random points).

    Args:
        class_logits: (Q, K + 1).
        mask_logits: (Q, H, W); the frames of a clip stacked along the height.
        classes: (N,) int64, -1 for a class that the model does not know.
        masks: (N, H', W') float 0..1 at any resolution, stacked alike.
        config: Weights and the number of points.
        generator: Draws the points, one set for all queries.
    """
    if not len(classes):
        empty = torch.zeros(0, dtype=torch.int64, device=mask_logits.device)
        return Matching(empty, empty)
    points = random_points(config.num_points, 1, generator, mask_logits.device)
    predicted, truth = values_at(mask_logits, points), values_at(masks, points)
    probability = class_logits.softmax(-1)[:, classes.clamp(min=0)] * (classes >= 0)
    cost = (
        -config.class_weight * probability
        + config.bce_weight * bce_pairs(predicted, truth)
        + config.dice_weight * dice_pairs(predicted, truth)
    )
    # The matching must end whatever the network says; the loss will be seen to be NaN.
    finite = torch.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6)
    rows, columns = linear_sum_assignment(finite.cpu().numpy())
    device = mask_logits.device
    return Matching(torch.as_tensor(rows, device=device), torch.as_tensor(columns, device=device))
