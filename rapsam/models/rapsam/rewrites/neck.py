"""The neck up to the basis of the mask features, for one image size."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.contract import Sampling
from rapsam.models.folded_norm import folded_norm
from rapsam.models.rapsam.deform_conv import TAPS
from rapsam.models.rapsam.neck import DeformUpsampler, PyramidNeck, coordinates
from rapsam.models.rapsam.rewrites.deform_grid import GridDeformConv2d
from rapsam.models.rapsam.rewrites.deform_rows import RowGatherDeformConv2d

_FORMS: dict[Sampling, type[GridDeformConv2d] | type[RowGatherDeformConv2d]] = {
    "grid": GridDeformConv2d,
    "rows": RowGatherDeformConv2d,
}


class DeployedUpsampler(nn.Module):
    """A `DeformUpsampler` for one size; the norm after the deformable convolution is folded into it."""

    def __init__(self, source: DeformUpsampler, size: tuple[int, int], sampling: Sampling) -> None:
        super().__init__()
        weight, bias = _folded(source)
        self.offset_conv = copy.deepcopy(source.offset_conv)
        self.deform_conv = _FORMS[sampling](weight, bias, size)
        self.up_conv = copy.deepcopy(source.up_conv)
        self.up_norm = copy.deepcopy(source.up_norm)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (1, inputs, H, W) to (1, outputs, 2H, 2W)."""
        steering = self.offset_conv(x)
        offsets, modulation = steering[:, : 2 * TAPS], steering[:, 2 * TAPS :].sigmoid()
        y = F.relu(self.deform_conv(x, offsets, modulation))
        return F.relu(self.up_norm(self.up_conv(y)))


def _folded(source: DeformUpsampler) -> tuple[Tensor, Tensor]:
    """Weight and bias of the deformable convolution with its norm, composed in float64 and rounded once."""
    weight = source.deform_conv.weight
    folded = folded_norm(weight, None, source.deform_norm)
    return folded[0].to(weight.dtype), folded[1].to(weight.dtype)


class BasisNeck(nn.Module):
    """Backbone maps to the basis: `PyramidNeck.basis` for one image size, batch 1.

    The coordinate maps are constants, and the bias of the aggregation is that of its last convolution.
    """

    coordinates: Tensor

    def __init__(self, neck: PyramidNeck, image_size: tuple[int, int], sampling: Sampling) -> None:
        super().__init__()
        height, width = image_size
        self.factors = neck.aggregation_factors
        self.laterals = copy.deepcopy(neck.laterals)
        self.upsamplers = nn.ModuleList(
            DeployedUpsampler(upsampler, (height // stride, width // stride), sampling)
            for upsampler, stride in zip(_upsamplers(neck), reversed(neck.strides[1:]), strict=True)
        )
        self.aggregations = copy.deepcopy(neck.aggregations)
        self.aggregations[-1].bias = nn.Parameter(neck.aggregation_bias.detach().flatten().clone())
        self.smooth_conv = copy.deepcopy(neck.smooth_conv)
        like = neck.aggregation_bias.detach().expand(
            1, -1, height // neck.strides[0], width // neck.strides[0]
        )
        self.register_buffer("coordinates", coordinates(like).clone())

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps the backbone's maps, shallow first, to (1, A + 2, h, w), as large as the first."""
        level = self.laterals[0](maps[-1])
        total = _enlarged(self.aggregations[0](level), self.factors[0])
        shallower = zip(self.laterals[1:], self.upsamplers, reversed(maps[:-1]), strict=True)
        for depth, (lateral, upsampler, feature_map) in enumerate(shallower, start=1):
            level = lateral(feature_map) + upsampler(level)
            total = total + _enlarged(self.aggregations[depth](level), self.factors[depth])
        return torch.cat([self.smooth_conv(total), self.coordinates], dim=1)


def _enlarged(x: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def _upsamplers(neck: PyramidNeck) -> list[DeformUpsampler]:
    upsamplers = [module for module in neck.upsamplers if isinstance(module, DeformUpsampler)]
    assert len(upsamplers) == len(neck.upsamplers)
    return upsamplers
