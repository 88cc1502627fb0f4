"""A lesson about places: mask features shall tell linearly where a pixel is.

A click is answered by dot products of its query with the mask features, so it can only be answered where
these carry sines of the place; the two coordinate channels of the neck are linear and not enough. Backbones
that were trained on photographs know places from the borders of their padding; from random weights it takes
long until prompts alone have taught it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

CYCLES = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Of the sines and cosines over the width and the height. Errors count by 1 / cycles^2: what a click needs, a
bump around a place, is made of the slowest waves, and is as wide as the root of their error."""


class PlaceReadout(nn.Module):
    """Reads sines and cosines of x and y from mask features with one linear layer.

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
