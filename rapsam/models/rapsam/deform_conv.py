"""Modulated deformable convolution v2 (Zhu et al., 2019), 3x3, in plain torch ops.

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
