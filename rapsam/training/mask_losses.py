"""How far mask logits at points are from the truth there: cross-entropy and dice."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

DICE_EPS = 1.0
"""Added above and below: a mask without points in it costs nothing if nothing is predicted."""


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
