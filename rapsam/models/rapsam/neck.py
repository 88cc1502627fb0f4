"""The feature pyramid of RAP-SAM: deformable upsampling from deep to shallow, then one map of all levels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.rapsam.deform_conv import TAPS, DeformConv2d
from rapsam.tasks.preprocess import STRIDE


class DeformUpsampler(nn.Module):
    """Deformable 3x3 convolution, then a transposed convolution to twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.offset_conv = nn.Conv2d(inputs, 3 * TAPS, 3, padding=1)
        self.deform_conv = DeformConv2d(inputs, outputs)
        self.deform_norm = nn.BatchNorm2d(outputs)
        self.up_conv = nn.ConvTranspose2d(outputs, outputs, 4, 2, 1, bias=False)
        self.up_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, outputs, 2H, 2W)."""
        steering = self.offset_conv(x)
        offsets, modulation = steering[:, : 2 * TAPS], steering[:, 2 * TAPS :].sigmoid()
        y = F.relu(self.deform_norm(self.deform_conv(x, offsets, modulation)))
        return F.relu(self.up_norm(self.up_conv(y)))


class PyramidNeck(nn.Module):
    """Aggregates the maps of a backbone into mask features at the smallest of their strides.

    Args:
        channels: Channels of the backbone's maps, shallow first.
        strides: Strides of these maps; each is twice the one before.
        aggregation_width: Channels of the aggregated map.
        hidden_width: Channels of the mask features.

    Attributes:
        strides: As given.
    """

    def __init__(
        self, channels: Sequence[int], strides: Sequence[int], aggregation_width: int, hidden_width: int
    ) -> None:
        super().__init__()
        # The upsamplers double, and the sides of images are multiples of 32.
        assert all(2 * shallow == deep for shallow, deep in pairwise(strides)), strides
        assert STRIDE % strides[-1] == 0, strides
        self.strides = tuple(strides)
        deep_first = list(reversed(channels))
        halves = [c // 2 for c in deep_first]
        self.laterals = nn.ModuleList(
            nn.Conv2d(c, half, 1) for c, half in zip(deep_first, halves, strict=True)
        )
        self.upsamplers = nn.ModuleList(DeformUpsampler(deep, shallow) for deep, shallow in pairwise(halves))
        self.aggregations = nn.ModuleList(
            nn.Conv2d(half, aggregation_width, 1, bias=False) for half in halves
        )
        self.aggregation_bias = nn.Parameter(torch.zeros(1, aggregation_width, 1, 1))
        self.smooth_conv = nn.Conv2d(aggregation_width, aggregation_width, 3, padding=1)
        self.feature_conv = nn.Conv2d(aggregation_width + 2, hidden_width, 1)
        self._initialise()

    @property
    def aggregation_factors(self) -> tuple[int, ...]:
        """Factors from the levels of the pyramid, deep first, to the mask features."""
        return tuple(stride // self.strides[0] for stride in reversed(self.strides))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Makes the mask features.

        Args:
            maps: Backbone maps, shallow first.

        Returns:
            Mask features (B, hidden_width, h, w), as large as the first map.
        """
        return self.feature_conv(self.basis(maps))  # type: ignore[no-any-return]

    def basis(self, maps: Sequence[Tensor]) -> Tensor:
        """Makes what the mask features are linear in.

        Returns:
            The aggregated map, then X and Y from -1 to 1: (B, aggregation_width + 2, h, w).
        """
        y = self.smooth_conv(self._aggregate(self._pyramid(maps)))
        return torch.cat([y, coordinates(y)], dim=1)

    def _pyramid(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Carries depth downwards: half-width maps, deep first."""
        levels: list[Tensor] = []
        for i, (lateral, feature_map) in enumerate(zip(self.laterals, reversed(maps), strict=True)):
            level = lateral(feature_map)
            if levels:
                level = level + self.upsamplers[i - 1](levels[-1])
            levels.append(level)
        return levels

    def _aggregate(self, levels: list[Tensor]) -> Tensor:
        total = self.aggregation_bias
        for level, conv, factor in zip(levels, self.aggregations, self.aggregation_factors, strict=True):
            term = conv(level)
            if factor > 1:
                term = F.interpolate(term, scale_factor=factor, mode="bilinear", align_corners=False)
            total = total + term
        return total

    def _initialise(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)


def coordinates(like: Tensor) -> Tensor:
    """Two maps (B, 2, H, W): X then Y, each from -1 to 1 including the ends."""
    batch, _, height, width = like.shape
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    maps = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    return maps.expand(batch, 2, height, width)
