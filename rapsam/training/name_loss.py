"""A lesson about names: features shall tell linearly of which class a pixel is.

An auxiliary semantic segmentation, as MaX-DeepLab has one (Wang et al., CVPR 2021): queries get the class of
their object from features that are pooled over its mask, so each pixel must bring its share. The classes of
things are learnt from thousands of pixels an image instead of from a handful of queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.training.batch import ObjectSample


class Votes(NamedTuple):
    """What the pixels of segments say of their classes.

    Attributes:
        logs: (N, K) float, for each segment the mean of the log-probabilities of its pixels.
        classes: (N,) int64, its class.
    """

    logs: Tensor
    classes: Tensor

    @property
    def loss(self) -> Tensor:
        """Cross-entropy, summed over the segments."""
        return F.nll_loss(self.logs, self.classes, reduction="sum")


def name_votes(logits: Tensor, samples: Sequence[ObjectSample]) -> Votes:
    """Asks the pixels of every segment; those of unknown classes and pixels in no segment are not asked.

    Args:
        logits: (B * T, K, h, w) of samples with T frames each.
        samples: B of them.
    """
    logs, classes = [], []
    frames = len(logits) // len(samples)
    for place, sample in enumerate(samples):
        known = sample.classes >= 0
        masks = sample.masks[known].flatten(0, 1)[:, None].float()
        # (N, T, h, w): how much of a pixel a segment covers.
        shares = F.interpolate(masks, size=logits.shape[-2:], mode="area").unflatten(0, (-1, frames))[:, :, 0]
        own = F.log_softmax(logits[place * frames : (place + 1) * frames], dim=1)
        sums = torch.einsum("nthw,tkhw->nk", shares, own)
        logs.append(sums / shares.sum(dim=(1, 2, 3))[:, None].clamp(min=1e-6))
        classes.append(sample.classes[known])
    return Votes(torch.cat(logs), torch.cat(classes))


class NameReadout(nn.Module):
    """Reads the class of every pixel from mask features with one linear layer.

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
            samples: B of them; segments of unknown classes and pixels in no segment teach nothing.
        """
        return name_votes(self.readout(features), samples).loss
