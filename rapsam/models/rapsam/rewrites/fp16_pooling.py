"""Hard-mask pooling that stays within the range of fp16."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from rapsam.models.rapsam.query_update import QueryUpdate


def pool_scale(num_pixels: int) -> float:
    """Scale of the hard-mask sum: a power of two near 1 / (2 sqrt(pixels)).

    A sum over all pixels of a 640x640 image (25,600) overflows fp16 and the mean of a mask of few pixels
    underflows it; this scale keeps both ends in the middle of its range. That is about the range alone: the
    runtime must add up in float32. In float16 a long sum would stop growing.
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
