"""The deformable convolution for runtimes without a good sampler of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rapsam.models.rapsam.deform_conv import KERNEL, TAPS


class RowGatherDeformConv2d(nn.Module):
    """Projects every pixel for all taps, gathers rows, weights and adds them. Batch 1, static size.

    Sampling commutes with a tap's 1x1 projection, so the input is projected first: the gathered rows have
    the (fewer) output channels. All 36 rows of a pixel (four bilinear neighbours of nine taps) come from one
    gather, and one small matrix product per pixel weights and adds them.

    Coordinates are floating-point numbers that hold whole numbers of at most 2048, which even fp16 does
    exactly; row numbers are larger, and integers. Fractions come from the raw offsets.
    """

    bias: Tensor | None
    base_y: Tensor
    base_x: Tensor
    tap: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, size: tuple[int, int]) -> None:
        """Makes the form for one input size (H, W) from a weight (O, I, 3, 3) and a bias (O) or None."""
        super().__init__()
        self.height, self.width = size
        outputs, inputs = weight.shape[:2]
        self.outputs = outputs
        self.register_buffer("bias", None if bias is None else bias.detach().clone())
        # Row t * outputs + o of the projection is tap t of output channel o.
        self.projection = nn.Linear(inputs, TAPS * outputs, bias=False)
        rows = weight.detach().permute(2, 3, 0, 1).reshape(TAPS * outputs, inputs)
        self.projection.weight = nn.Parameter(rows.contiguous(), requires_grad=False)
        taps = torch.arange(TAPS)
        y = torch.arange(self.height)[:, None, None] + taps // KERNEL - 1
        x = torch.arange(self.width)[None, :, None] + taps % KERNEL - 1
        shape = (self.height, self.width, TAPS)
        for name, base in (("base_y", y), ("base_x", x)):
            values = base.expand(shape).reshape(-1, TAPS).to(weight.dtype)
            self.register_buffer(name, values, persistent=False)
        self.register_buffer("tap", taps.repeat(1, 4).to(torch.int32), persistent=False)

    def forward(self, x: Tensor, offsets: Tensor, modulation: Tensor) -> Tensor:
        """As `DeformConv2d.forward`, for the one size that it was made for and batch 1."""
        pixels = self.height * self.width
        rows = self.projection(x.permute(0, 2, 3, 1)).reshape(pixels * TAPS, self.outputs)
        pairs = offsets.permute(0, 2, 3, 1).reshape(pixels, TAPS, 2)
        dy, dx = (pairs.narrow(2, k, 1).reshape(pixels, TAPS) for k in range(2))
        strength = modulation.permute(0, 2, 3, 1).reshape(pixels, TAPS)
        y, weight_y = _neighbours(dy, self.base_y, self.height)
        x_, weight_x = _neighbours(dx, self.base_x, self.width)
        # Four neighbours: top left, top right, bottom left, bottom right; nine taps of each.
        ys, xs = torch.cat([y[0], y[0], y[1], y[1]], 1), torch.cat([*x_, *x_], 1)
        number = (ys.to(torch.int32) * self.width + xs.to(torch.int32)) * TAPS + self.tap
        top, bottom = weight_y[0] * strength, weight_y[1] * strength
        weights = torch.cat([top, top, bottom, bottom], 1) * torch.cat([*weight_x, *weight_x], 1)
        sampled = torch.index_select(rows, 0, number.reshape(-1)).reshape(pixels, 4 * TAPS, self.outputs)
        summed = (weights.reshape(pixels, 1, 4 * TAPS) @ sampled).reshape(
            1, self.height, self.width, self.outputs
        )
        if self.bias is not None:
            summed = summed + self.bias
        return summed.permute(0, 3, 1, 2)


def _neighbours(
    offset: Tensor, base: Tensor, size: int
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Finds the two whole positions beside base + offset on one axis, and their weights.

    Positions outside 0..size - 1 are moved to the border and weigh nothing. An offset that leads further
    out than one pixel is shortened to that: there, too, both weights are zero.
    """
    offset = torch.minimum(torch.maximum(offset, -1.0 - base), size - base)
    whole = torch.floor(offset)
    fraction = offset - whole
    first, second = base + whole, base + whole + 1.0
    near, far = torch.clamp(first, 0, size - 1), torch.clamp(second, 0, size - 1)
    # One pixel past the border the distance is 1. Two past it, the weight of `far` is zero already.
    near_weight = (1.0 - fraction) * (1.0 - torch.abs(first - near))
    far_weight = fraction * (1.0 - torch.abs(second - far))
    return (near, far), (near_weight, far_weight)
