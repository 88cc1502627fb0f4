"""Modulated deformable convolution v2 (Zhu et al., 2019), 3x3, in two exact forms of plain torch ops.

Tap t = 3 * ky + kx of output pixel (y, x) reads the input at (y - 1 + ky + dy, x - 1 + kx + dx), bilinearly,
with zeros outside the map, times a modulation in (0, 1).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 3
TAPS = KERNEL * KERNEL


class DeformConv2d(nn.Module):
    """The trainable form: one sampling grid for all taps, then a plain convolution with stride 3.

    Works for any batch, size and offset, and is differentiable in all its inputs.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, KERNEL, KERNEL))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor, offsets: Tensor, modulation: Tensor) -> Tensor:
        """Samples and convolves.

        Args:
            x: Input (B, inputs, H, W).
            offsets: (B, 18, H, W) in pixels; channel 2t is dy of tap t, channel 2t + 1 its dx.
            modulation: (B, 9, H, W) in (0, 1).

        Returns:
            (B, outputs, H, W), no bias.
        """
        # Positions need float32: 16 bits would round them to whole pixels on large maps.
        exact = torch.promote_types(x.dtype, torch.float32)
        grid = _sampling_grid(offsets.to(exact))
        sampled = F.grid_sample(
            x.to(exact), grid, mode="bilinear", padding_mode="zeros", align_corners=False
        ).to(x.dtype)
        return F.conv2d(sampled * F.pixel_shuffle(modulation, KERNEL), self.weight, stride=KERNEL)


def _sampling_grid(offsets: Tensor) -> Tensor:
    """Places the nine taps of every pixel side by side: (B, 18, H, W) to (B, 3H, 3W, 2), x before y."""
    height, width = offsets.shape[-2:]
    rows = torch.arange(3 * height, device=offsets.device)
    columns = torch.arange(3 * width, device=offsets.device)
    base_y = (rows // KERNEL + rows % KERNEL - 1).to(offsets.dtype)[:, None]
    base_x = (columns // KERNEL + columns % KERNEL - 1).to(offsets.dtype)
    y = base_y + F.pixel_shuffle(offsets[:, 0::2], KERNEL)[:, 0]
    x = base_x + F.pixel_shuffle(offsets[:, 1::2], KERNEL)[:, 0]
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)


class RowGatherDeformConv2d(nn.Module):
    """The deployable form: project every pixel for all taps, gather rows, weight, add. Batch 1, static size.

    Sampling commutes with a tap's 1x1 projection, so the input is projected first: the gathered rows have
    the (fewer) output channels. All index arithmetic is on integers, because fp16 holds integers exactly
    only up to 2048; fractions come from the raw offsets.
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
        self.projection = nn.Conv2d(inputs, TAPS * outputs, 1, bias=False)
        rows = weight.detach().permute(2, 3, 0, 1).reshape(TAPS * outputs, inputs, 1, 1)
        self.projection.weight = nn.Parameter(rows.contiguous(), requires_grad=False)
        taps = torch.arange(TAPS, dtype=torch.int32)
        y = torch.arange(self.height, dtype=torch.int32)[:, None, None] + taps // KERNEL - 1
        x = torch.arange(self.width, dtype=torch.int32)[None, :, None] + taps % KERNEL - 1
        shape = (self.height, self.width, TAPS)
        self.register_buffer("base_y", y.expand(shape).reshape(-1), persistent=False)
        self.register_buffer("base_x", x.expand(shape).reshape(-1), persistent=False)
        self.register_buffer("tap", taps.expand(shape).reshape(-1), persistent=False)

    def forward(self, x: Tensor, offsets: Tensor, modulation: Tensor) -> Tensor:
        """As `DeformConv2d.forward`, for the one size that it was made for and batch 1."""
        rows = self.projection(x).permute(0, 2, 3, 1).reshape(-1, self.outputs)
        pairs = offsets.permute(0, 2, 3, 1).reshape(-1, 2)
        dy, dx = pairs[:, 0], pairs[:, 1]
        floor_y, floor_x = torch.floor(dy), torch.floor(dx)
        fraction_y, fraction_x = dy - floor_y, dx - floor_x
        y = self.base_y + floor_y.to(torch.int32)
        x_ = self.base_x + floor_x.to(torch.int32)
        strength = modulation.permute(0, 2, 3, 1).reshape(-1)
        total = self._corner(rows, y, x_, (1 - fraction_y) * (1 - fraction_x) * strength)
        total = total + self._corner(rows, y, x_ + 1, (1 - fraction_y) * fraction_x * strength)
        total = total + self._corner(rows, y + 1, x_, fraction_y * (1 - fraction_x) * strength)
        total = total + self._corner(rows, y + 1, x_ + 1, fraction_y * fraction_x * strength)
        summed = total.reshape(self.height * self.width, TAPS, self.outputs).sum(1)
        if self.bias is not None:
            summed = summed + self.bias
        return summed.reshape(1, self.height, self.width, self.outputs).permute(0, 3, 1, 2)

    def _corner(self, rows: Tensor, y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        """Gathers one of the four bilinear neighbours of all taps; outside the map its weight is zero."""
        inside_y = torch.clamp(y, 0, self.height - 1)
        inside_x = torch.clamp(x, 0, self.width - 1)
        inside = (y == inside_y) & (x == inside_x)
        index = (inside_y * self.width + inside_x) * TAPS + self.tap
        return torch.index_select(rows, 0, index) * (weight * inside.to(weight.dtype)).unsqueeze(1)
