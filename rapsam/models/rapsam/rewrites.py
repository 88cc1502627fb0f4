"""Exact rewrites of RAP-SAM's parts for deployment: new modules, the trainable ones stay as they are."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from rapsam.models.rapsam.decoder import Decoder, DecoderStage, ObjectAdapter
from rapsam.models.rapsam.deform_conv import DeformConv2d, RowGatherDeformConv2d
from rapsam.models.rapsam.neck import DeformUpsampler, PyramidNeck
from rapsam.models.rapsam.query_update import HardMaskPool, QueryUpdate

# Strides of the maps that the three deformable convolutions read, deep first.
_DEFORM_STRIDES = (32, 16, 8)


def deployed_neck(neck: PyramidNeck, image_size: tuple[int, int]) -> PyramidNeck:
    """Copies a neck, with deformable convolutions that gather rows, for one image size (H, W)."""
    deployed = copy.deepcopy(neck)
    for upsampler, stride in zip(deployed.upsamplers, _DEFORM_STRIDES, strict=True):
        assert isinstance(upsampler, DeformUpsampler)
        assert isinstance(upsampler.deform_conv, DeformConv2d)
        size = (image_size[0] // stride, image_size[1] // stride)
        upsampler.deform_conv = RowGatherDeformConv2d(upsampler.deform_conv, size)
    return deployed


def deployed_decoder(decoder: Decoder, num_pixels: int) -> Decoder:
    """Copies a decoder, with pooling that stays within the range of fp16, for one number of pixels."""
    deployed = copy.deepcopy(decoder)
    scale = pool_scale(num_pixels)
    parts: list[DecoderStage | ObjectAdapter] = [*deployed.ordered_stages, deployed.object_adapter]
    for part in parts:
        part.pool = HardMaskPool(scale)
        part.update = rescaled_update(part.update, scale)
    return deployed


def pool_scale(num_pixels: int) -> float:
    """Scale of the hard-mask sum: a power of two near 1 / (2 sqrt(pixels)).

    A sum over all pixels of a 640x640 image (25,600) overflows fp16 and the mean of a mask of few pixels
    underflows it; this scale keeps both ends in the middle of its range.
    """
    return 2.0 ** -round(math.log2(2 * math.sqrt(num_pixels)))


def rescaled_update(update: QueryUpdate, scale: float) -> QueryUpdate:
    """Makes an update that takes pooled features times `scale` and computes the same.

    The projection of the pooled features meets nothing but layer norms, and LN(s x; eps s^2) = LN(x; eps).
    So it is enough to scale the biases on the way, and the norms' eps by the square.
    """
    rescaled = copy.deepcopy(update)
    with torch.no_grad():
        for linear in (rescaled.pooled_proj, rescaled.query_gate, rescaled.pooled_gate):
            linear.bias.mul_(scale)
    norms: tuple[nn.LayerNorm, ...] = (
        rescaled.query_gate_norm,
        rescaled.pooled_gate_norm,
        rescaled.pooled_norm,
    )
    for norm in norms:
        norm.eps *= scale * scale
    return rescaled
