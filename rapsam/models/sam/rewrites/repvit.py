"""Depthwise branches as one convolution."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.folded_norm import folded_norm
from rapsam.models.sam.layers import ConvNorm
from rapsam.models.sam.repvit import DepthwiseApart, DepthwiseTogether, PlainBlock, RepVit
from rapsam.models.sam.rewrites.norms import deployed_norms


def deployed_repvit(encoder: RepVit) -> RepVit:
    """Copies an encoder, with the branches of each block merged; plain norms fold in any captured graph."""
    deployed = copy.deepcopy(encoder)
    for block in deployed.blocks:
        if isinstance(block, PlainBlock):
            block.depthwise = merged_branches(block.depthwise)
    deployed.neck = deployed_norms(encoder.neck)
    return deployed


def merged_branches(branches: nn.Module) -> nn.Conv2d:
    """Makes one 3x3 depthwise convolution with a bias of all branches of a block.

    All are linear, and a 1x1 kernel and the identity are 3x3 kernels with zeros around their centre. A norm
    behind the sum multiplies and shifts it. Composed in float64 and rounded once.
    """
    assert isinstance(branches, DepthwiseTogether | DepthwiseApart)
    square, bias = folded(branches.square)
    if isinstance(branches, DepthwiseTogether):
        assert branches.point.bias is not None
        point, point_bias = branches.point.weight.double(), branches.point.bias.double()
    else:
        point, point_bias = folded(branches.point)
    kernel = square + F.pad(point + 1, (1, 1, 1, 1))
    bias = bias + point_bias
    if isinstance(branches, DepthwiseTogether):
        kernel, bias = folded_norm(kernel, bias, branches.batch_norm)
    return _depthwise(kernel, bias, branches.square.conv)


def folded(layer: ConvNorm) -> tuple[Tensor, Tensor]:
    """Returns weight and bias, in float64, of the convolution that a convolution and its norm are."""
    return folded_norm(layer.conv.weight, None, layer.batch_norm)


def _depthwise(weight: Tensor, bias: Tensor, like: nn.Conv2d) -> nn.Conv2d:
    width = len(weight)
    made = nn.Conv2d(width, width, 3, padding=1, groups=width, dtype=like.weight.dtype)
    with torch.no_grad():
        made.weight.copy_(weight)
        made.bias.copy_(bias)  # type: ignore[union-attr]
    return made
