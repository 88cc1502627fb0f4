"""The deformable convolution for runtimes with a fast bilinear sampler."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.rapsam.deform_conv import KERNEL, TAPS


class GridDeformConv2d(nn.Module):
    """Projects every pixel for all taps, samples each tap's projection at its own grid, adds. Batch 1.

    Sampling commutes with a tap's 1x1 projection, so the input is projected first and the samples have the
    (fewer) output channels; the taps are the batch of one sampler.
    """

    bias: Tensor | None
    base: Tensor
    step: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, size: tuple[int, int]) -> None:
        """Makes the form for one input size (H, W) from a weight (O, I, 3, 3) and a bias (O) or None."""
        super().__init__()
        self.height, self.width = size
        self.outputs, inputs = weight.shape[:2]
        self.projection = nn.Conv2d(inputs, TAPS * self.outputs, 1, bias=False)
        rows = weight.detach().permute(2, 3, 0, 1).reshape(TAPS * self.outputs, inputs, 1, 1)
        self.projection.weight = nn.Parameter(rows.contiguous(), requires_grad=False)
        self.register_buffer("bias", None if bias is None else bias.detach().clone().view(1, -1, 1, 1))
        taps = torch.arange(TAPS)[:, None, None]
        y = torch.arange(self.height)[:, None] + taps // KERNEL - 1
        x = torch.arange(self.width) + taps % KERNEL - 1
        pixels = torch.stack(torch.broadcast_tensors(x, y), dim=-1).to(weight.dtype)
        sides = pixels.new_tensor([self.width, self.height])
        # The sampler counts from -1 to 1 over the whole side; pixel centres lie half a pixel inside.
        self.register_buffer("base", (2 * pixels + 1) / sides - 1)
        self.register_buffer("step", (2 / sides).view(2, 1, 1))

    def forward(self, x: Tensor, offsets: Tensor, modulation: Tensor) -> Tensor:
        """As `DeformConv2d.forward`, for the one size that it was made for and batch 1."""
        size = (self.height, self.width)
        projected = self.projection(x).reshape(TAPS, self.outputs, *size)
        dx_dy = offsets.reshape(TAPS, 2, *size).flip(1) * self.step
        grid = self.base + dx_dy.permute(0, 2, 3, 1)
        sampled = F.grid_sample(projected, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        summed = (sampled * modulation.reshape(TAPS, 1, *size)).sum(0, keepdim=True)
        return summed if self.bias is None else summed + self.bias
