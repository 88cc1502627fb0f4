"""Auxiliary losses on mask features, each through one linear layer that no network keeps.

Semantic segmentation, as MaX-DeepLab has one (Wang et al., CVPR 2021): queries get the class of their object
from features that are pooled over its mask, so each pixel must bring its share. The classes of things are
learnt from thousands of pixels an image instead of from a handful of queries.

Position: a click is answered by dot products of its query with the mask features, so it can only be answered
where these carry sines of the position; the two coordinate channels of the neck are linear and not enough.
Backbones that were trained on photographs know positions from the borders of their padding; from random
weights it takes long until prompts alone have taught it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.training.batch import ObjectSample

CYCLES = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Of the sines and cosines over the width and the height. Errors count by 1 / cycles^2: what a click needs, a
bump around a position, is made of the slowest waves, and is as wide as the root of their error."""


class SegmentScores(NamedTuple):
    """Classes of segments as their pixels predict them.

    Attributes:
        log_probabilities: (N, K) float, for each segment the mean over its pixels.
        classes: (N,) int64, its true class.
    """

    log_probabilities: Tensor
    classes: Tensor

    @property
    def loss(self) -> Tensor:
        """Cross-entropy, summed over the segments."""
        return F.nll_loss(self.log_probabilities, self.classes, reduction="sum")

    @property
    def share_right(self) -> float:
        """Share of the segments whose likeliest class is the true one, 0..1; 0 without segments."""
        right = (self.log_probabilities.argmax(1) == self.classes).float().sum()
        return float(right / max(1, len(self.classes)))


def segment_scores(logits: Tensor, samples: Sequence[ObjectSample]) -> SegmentScores:
    """Averages pixels over every segment of a known class; pixels in no segment do not count.

    Args:
        logits: (B * T, K, h, w) of samples with T frames each.
        samples: B of them.
    """
    means, classes = [], []
    frames = len(logits) // len(samples)
    for place, sample in enumerate(samples):
        known = sample.classes >= 0
        masks = sample.masks[known].flatten(0, 1)[:, None].float()
        # (N, T, h, w): how much of a pixel a segment covers.
        shares = F.interpolate(masks, size=logits.shape[-2:], mode="area").unflatten(0, (-1, frames))[:, :, 0]
        own = F.log_softmax(logits[place * frames : (place + 1) * frames], dim=1)
        sums = torch.einsum("nthw,tkhw->nk", shares, own)
        means.append(sums / shares.sum(dim=(1, 2, 3))[:, None].clamp(min=1e-6))
        classes.append(sample.classes[known])
    return SegmentScores(torch.cat(means), torch.cat(classes))


class SemanticReadout(nn.Module):
    """Predicts the class of every pixel from mask features.

    Args:
        width: Channels of the features.
        num_classes: K.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.readout = nn.Conv2d(width, num_classes, 1)
        # The same beginning in every process, without a seed.
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor, samples: Sequence[ObjectSample]) -> Tensor:
        """Computes the cross-entropy, the mean over the pixels of each segment, summed over the segments.

        Args:
            features: (B * T, C, h, w) of samples with T frames each.
            samples: B of them; segments of unknown classes and pixels in no segment do not count.
        """
        return segment_scores(self.readout(features), samples).loss


class PositionReadout(nn.Module):
    """Predicts sines and cosines of x and y from mask features.

    Args:
        width: Channels of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.readout = nn.Conv2d(width, 4 * len(CYCLES), 1)
        # The same beginning in every process, without a seed.
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Computes the weighted mean squared error of features (B, C, h, w), summed over B: a scalar."""
        wanted = _sines(features.shape[-2:], features.device)
        found: Tensor = self.readout(features)
        errors = (found - wanted).square().mean(dim=(0, 2, 3)).unflatten(0, (-1, len(CYCLES)))
        weights = torch.tensor(CYCLES, device=features.device) ** -2
        loss: Tensor = (weights * errors).mean()
        return len(features) * loss


def _sines(size: torch.Size, device: torch.device) -> Tensor:
    """Sines and cosines (1, channels, h, w) of pixel centres in fractions of the map."""
    y, x = (2 * math.pi * (torch.arange(side, device=device) + 0.5) / side for side in size)
    cycles = torch.tensor(CYCLES, device=device)[:, None, None]
    angles = torch.cat([cycles * x.expand(size), cycles * y[:, None].expand(size)])
    return torch.cat([angles.sin(), angles.cos()])[None]
