"""A small network whose share in a delegate can be counted by hand."""

from __future__ import annotations

import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec

# Of the parts that every delegate takes: a convolution of 3 to 4 channels and a linear layer of 4 to 5.
MACS = 8 * 8 * 4 * 27 + 64 * 5 * 4


class RowGather(nn.Module):
    """What is left of a deformable convolution when all arithmetic is done."""

    def forward(self, rows, numbers):
        return torch.index_select(rows, 0, numbers.to(torch.int32))


class Small(nn.Module):
    """A convolution, a row gather, a layer norm and a linear layer on 64 pixels, and something else.

    Args:
        other: Takes and gives (64, 5): 64 rows are pixel-sized for an image of 64 x 64.
    """

    def __init__(self, other: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=8, padding=1)
        self.deform_conv = RowGather()
        self.norm = nn.LayerNorm(4)
        self.linear = nn.Linear(4, 5)
        self.other = other or nn.Identity()

    def forward(self, image):
        rows = self.conv(image).permute(0, 2, 3, 1).reshape(64, 4)
        numbers = torch.clamp(rows.narrow(1, 0, 1).reshape(64) * 64.0, 0, 63)
        return self.other(self.linear(self.norm(self.deform_conv(rows, numbers)))).reshape(1, 64, 5)


class RunningSum(nn.Module):
    """An operator that no delegate takes: over the pixels, and over the first row alone."""

    def forward(self, x):
        return x.cumsum(0) + x.narrow(0, 0, 1).cumsum(1)


class LargestRow(nn.Module):
    """An operator that no delegate takes: it reads all pixels and gives five numbers."""

    def forward(self, x):
        return x + x.argmax(0).to(torch.float32)


def small_contract() -> GraphContract:
    image = TensorSpec(
        name="image",
        shape=(1, 3, 64, 64),
        dtype="float32",
        layout="NCHW",
        value_range=(0, 1),
        meaning="pixels",
    )
    rows = TensorSpec(
        name="rows", shape=(1, 64, 5), dtype="float32", layout="NPC", value_range=None, meaning="any"
    )
    return GraphContract(graph="small", inputs=(image,), outputs=(rows,), image_size=(64, 64))


def summary(report):
    """Returns (op, count, modules, pixel-sized, row gather) of every fallback."""
    return {(f.op, f.count, f.modules, f.pixel_sized, f.is_deform_gather) for f in report.fallbacks}
