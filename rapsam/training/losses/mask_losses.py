"""How far mask logits are from the truth, at points instead of at every pixel: cross-entropy and dice.

Points as in PointRend (Kirillov et al., 2020).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

OVERSAMPLING = 3
"""Candidates per point that is kept."""
UNCERTAIN_SHARE = 0.75
"""Share of the points that lie where the prediction is least sure; the others lie anywhere."""
DICE_EPS = 1.0
"""Added above and below: a mask without points in it costs nothing if nothing is predicted."""


def values_at(maps: Tensor, points: Tensor) -> Tensor:
    """Reads maps between their pixels, bilinearly, with zeros outside (align_corners=False).

    Args:
        maps: (M, H, W) float.
        points: (M, P, 2) or (1, P, 2) x, y in fractions 0..1 of width and height.

    Returns:
        (M, P).
    """
    grid = (2 * points - 1).expand(len(maps), -1, -1)[:, None]
    return F.grid_sample(maps[:, None], grid, mode="bilinear", align_corners=False)[:, 0, 0]


def random_points(count: int, maps: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Draws (maps, count, 2) points, uniform in 0..1.

    Drawn on the CPU, so that a sample sees the same points on every device.
    """
    return torch.rand(maps, count, 2, generator=generator).to(device)


@torch.no_grad()
def uncertain_points(mask_logits: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draws points where mask logits (M, H, W) are nearest to 0, and some anywhere: (M, count, 2)."""
    maps, device = len(mask_logits), mask_logits.device
    candidates = random_points(OVERSAMPLING * count, maps, generator, device)
    nearest = int(UNCERTAIN_SHARE * count)
    order = values_at(mask_logits, candidates).abs().topk(nearest, largest=False).indices
    chosen = candidates.gather(1, order[..., None].expand(-1, -1, 2))
    return torch.cat([chosen, random_points(count - nearest, maps, generator, device)], dim=1)


def bce_each(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of mask logits (M, P) and truth (M, P) in 0..1, mean over the points: (M,)."""
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(-1)


def dice_each(logits: Tensor, truth: Tensor) -> Tensor:
    """Dice loss 1 - (2ab + 1) / (a + b + 1) of mask logits (M, P) and truth (M, P): (M,)."""
    probability = logits.sigmoid()
    shared = 2 * (probability * truth).sum(-1) + DICE_EPS
    return 1 - shared / (probability.sum(-1) + truth.sum(-1) + DICE_EPS)


def bce_pairs(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of every mask logit row (Q, P) with every truth row (N, P): (Q, N)."""
    # -log sigmoid(x) = softplus(-x), -log(1 - sigmoid(x)) = softplus(x), and they differ by x.
    return (F.softplus(logits).sum(-1, keepdim=True) - logits @ truth.T) / logits.shape[-1]


def dice_pairs(logits: Tensor, truth: Tensor) -> Tensor:
    """Dice loss of every mask logit row (Q, P) with every truth row (N, P): (Q, N)."""
    probability = logits.sigmoid()
    shared = 2 * probability @ truth.T + DICE_EPS
    return 1 - shared / (probability.sum(-1)[:, None] + truth.sum(-1) + DICE_EPS)
