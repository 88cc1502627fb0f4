"""RepViT: depthwise convolutions with branches that merge for inference, and 1x1 convolutions between them.

RepViT-SAM takes the M2.3 shape and keeps the last stage at stride 16 (Wang et al., 2023, arXiv 2312.05760).
EdgeSAM takes M1 and adds up the maps of strides 16 and 32 (Zhou et al., 2023, arXiv 2312.06660).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.sam.encoder import ImageEncoder
from rapsam.models.sam.layers import EMBEDDING_WIDTH, ConvNorm, Neck

Branches = Literal["normed together", "normed apart"]
Resampling = Literal["bicubic", "bilinear"]
_SQUEEZED_MULTIPLE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class RepVitConfig:
    """Shape of a RepViT.

    Attributes:
        widths: Channels of the four stages.
        depths: Blocks of the stages; all but the first begin with one that changes channels and size.
        branches: Where the norms of the depthwise branches are.
        fused: How the map of stride 32 is enlarged and added to that of stride 16; None for a network whose
            last stage stays at stride 16.
    """

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    branches: Branches
    fused: Resampling | None

    @property
    def fixed_size(self) -> int | None:
        """Convolutions take any size."""
        return None

    def build(self) -> RepVit:
        """Builds it, randomly initialised."""
        return RepVit(self)

    def gated(self, stage: int, place: int) -> bool:
        """Tells whether a plain block has a gate, by its place in its stage, 0 for the first.

        Every other plain block has one, from the first on, but never the last block of a stage.
        """
        first_plain = 0 if stage == 0 else 1
        return (place - first_plain) % 2 == 0 and place < self.depths[stage] - 1


class DepthwiseTogether(nn.Module):
    """3x3 and 1x1 depthwise convolutions and the identity, added up and then normed (RepViT-SAM)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.square = ConvNorm(width, width, 3, groups=width)
        self.point = nn.Conv2d(width, width, 1, groups=width)
        self.batch_norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        return self.batch_norm(self.square(x) + self.point(x) + x)  # type: ignore[no-any-return]


class DepthwiseApart(nn.Module):
    """3x3 and 1x1 depthwise convolutions, each with its norm, and the identity, added up (EdgeSAM)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.square = ConvNorm(width, width, 3, groups=width)
        self.point = ConvNorm(width, width, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        return self.square(x) + self.point(x) + x  # type: ignore[no-any-return]


class Gate(nn.Module):
    """Squeeze and excitation: scales channels by what a small network says of their means."""

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = squeezed_width(width)
        self.fc1 = nn.Conv2d(width, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        means = x.mean((2, 3), keepdim=True)
        return x * self.fc2(F.relu(self.fc1(means))).sigmoid()  # type: ignore[no-any-return]


class PlainBlock(nn.Module):
    """Depthwise branches, perhaps a gate, and a residual pair of 1x1 convolutions."""

    def __init__(self, width: int, branches: Branches, *, gated: bool) -> None:
        super().__init__()
        together = branches == "normed together"
        self.depthwise: nn.Module = DepthwiseTogether(width) if together else DepthwiseApart(width)
        self.gate = Gate(width) if gated else nn.Identity()
        self.mixer = _mixer(width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        x = self.gate(self.depthwise(x))
        return x + self.mixer(x)  # type: ignore[no-any-return]


class DownBlock(nn.Module):
    """A depthwise convolution with a stride, a 1x1 convolution to more channels, and a residual pair."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depthwise = ConvNorm(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = ConvNorm(inputs, outputs)
        self.mixer = _mixer(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        x = self.pointwise(self.depthwise(x))
        return x + self.mixer(x)  # type: ignore[no-any-return]


class RepVit(ImageEncoder):
    """The encoder of RepViT-SAM and EdgeSAM.

    Attributes:
        config: Its shape.
        stem: Two 3x3 convolutions, to stride 4.
        blocks: Of all stages.
        middle_end: Number of blocks up to the end of the third stage, whose map has stride 16.
    """

    def __init__(self, config: RepVitConfig) -> None:
        super().__init__()
        self.config = config
        first = config.widths[0]
        self.stem = nn.Sequential(ConvNorm(3, first // 2, 3, 2), nn.GELU(), ConvNorm(first // 2, first, 3, 2))
        self.blocks = nn.ModuleList(_blocks(config))
        self.middle_end = sum(config.depths[:3])
        if config.fused:
            self.middle_proj = nn.Conv2d(config.widths[2], EMBEDDING_WIDTH, 1, bias=False)
            self.deep_proj = nn.Conv2d(config.widths[3], EMBEDDING_WIDTH, 1, bias=False)
        self.neck: nn.Sequential = Neck(EMBEDDING_WIDTH if config.fused else config.widths[3])

    def forward(self, images: Tensor) -> Tensor:
        """Maps normalised images (B, 3, H, W), multiples of 32, to (B, 256, H / 16, W / 16)."""
        middle = self.stem(images)
        for block in self.blocks[: self.middle_end]:
            middle = block(middle)
        deep = middle
        for block in self.blocks[self.middle_end :]:
            deep = block(deep)
        if self.config.fused:
            deep = self.middle_proj(middle) + enlarged(self.deep_proj(deep), self.config.fused)
        return self.neck(deep)  # type: ignore[no-any-return]


def enlarged(x: Tensor, resampling: Resampling) -> Tensor:
    """Enlarges (B, C, H, W) to twice its sides, with half-pixel centres."""
    return F.interpolate(x, scale_factor=2, mode=resampling, align_corners=False)


def squeezed_width(width: int) -> int:
    """Returns a quarter of the channels, rounded (half up) to a multiple of 8, at least 8."""
    rounded = int(width / 4 + _SQUEEZED_MULTIPLE / 2) // _SQUEEZED_MULTIPLE * _SQUEEZED_MULTIPLE
    return max(_SQUEEZED_MULTIPLE, rounded)


def _mixer(width: int) -> nn.Sequential:
    return nn.Sequential(ConvNorm(width, 2 * width), nn.GELU(), ConvNorm(2 * width, width))


def _blocks(config: RepVitConfig) -> list[nn.Module]:
    blocks: list[nn.Module] = []
    for stage, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
        for place in range(depth):
            if stage > 0 and place == 0:
                stride = 1 if stage == 3 and not config.fused else 2
                blocks.append(DownBlock(config.widths[stage - 1], width, stride))
            else:
                blocks.append(PlainBlock(width, config.branches, gated=config.gated(stage, place)))
    return blocks
