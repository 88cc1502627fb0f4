"""TinyViT as MobileSAM has it: convolutions, then attention in windows (Wu et al., 2022, arXiv 2207.10666).

MobileSAM (Zhang et al., 2023, arXiv 2306.14289) keeps the last stage at stride 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.sam.attention import merged
from rapsam.models.sam.encoder import ImageEncoder
from rapsam.models.sam.layers import ConvNorm, Neck
from rapsam.models.sam.windows import joined, offset_table, padded_to_windows, split

HEAD_WIDTH = 32
_EXPANSION = 4
_CLASSES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class TinyVitConfig:
    """Shape of a TinyViT.

    Attributes:
        widths: Channels of the four stages; the first has convolutions only.
        depths: Blocks of the stages.
        windows: Sides of the windows of the last three stages, in tokens.
        strides: Of the convolution behind each stage but the last.
        fixed_size: Side of the square images that it takes.
    """

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    windows: tuple[int, int, int]
    strides: tuple[int, int, int]
    fixed_size: int

    def build(self) -> TinyVit:
        """Builds it, randomly initialised."""
        return TinyVit(self)


class ConvBlock(nn.Module):
    """Three convolutions, the middle one depthwise, with a residual before the last activation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = _EXPANSION * width
        self.expand = ConvNorm(width, inner)
        self.depthwise = ConvNorm(inner, inner, 3, groups=inner)
        self.project = ConvNorm(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        inner = F.gelu(self.depthwise(F.gelu(self.expand(x))))
        return F.gelu(x + self.project(inner))


class Transition(nn.Module):
    """Three convolutions from one stage to the next, the middle one depthwise and perhaps with a stride."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.expand = ConvNorm(inputs, outputs)
        self.depthwise = ConvNorm(outputs, outputs, 3, stride, groups=outputs)
        self.project = ConvNorm(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.project(F.gelu(self.depthwise(F.gelu(self.expand(x)))))  # type: ignore[no-any-return]


class WindowAttention(nn.Module):
    """Attention among the tokens of a window, with a learnt bias for each distance of two tokens.

    What is padded to fill the last windows is not masked: it is normed and attended to like all tokens.

    Attributes:
        qkv: Packed by heads: queries, keys and values of the first head, then of the next.
        biases: (heads, window * window), by rows times the window plus columns between two tokens.
    """

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.num_heads = width // HEAD_WIDTH
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.biases = nn.Parameter(torch.zeros(self.num_heads, window * window))

    def forward(self, x: Tensor) -> Tensor:
        """Attends in the windows of a map (B, H, W, C): the same shape, without the residual."""
        padded = padded_to_windows(x, self.window)
        windows = self.norm(split(padded, self.window))
        packed = self.qkv(windows).unflatten(-1, (self.num_heads, 3 * HEAD_WIDTH))
        q, k, v = packed.transpose(1, 2).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) * HEAD_WIDTH**-0.5 + self.position_bias()
        attended = self.proj(merged(scores.softmax(-1) @ v))
        return joined(attended, padded.shape[1:3], self.window)[:, : x.shape[1], : x.shape[2]]

    def position_bias(self) -> Tensor:
        """Returns what is added to the scores of two tokens, (heads, n, n)."""
        return self.biases[:, offset_table(self.window).to(self.biases.device)]


class AttentionBlock(nn.Module):
    """Attention in windows, a depthwise convolution across them, and a small network for each token."""

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.attention: nn.Module = WindowAttention(width, window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, _EXPANSION * width), nn.GELU(), nn.Linear(_EXPANSION * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, C) to the same shape."""
        x = x + self.attention(x)
        x = self.local_conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.mlp(self.mlp_norm(x))  # type: ignore[no-any-return]


class Stage(nn.Module):
    """Blocks of one width, and what leads to the next width."""

    def __init__(self, blocks: list[nn.Module], transition: Transition | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.transition = transition

    @property
    def of_convolutions(self) -> bool:
        """Whether its blocks take maps with channels first."""
        return isinstance(self.blocks[0], ConvBlock)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the map of the next stage."""
        if self.of_convolutions:
            for block in self.blocks:
                x = block(x)
        else:
            tokens = x.permute(0, 2, 3, 1)
            for block in self.blocks:
                tokens = block(tokens)
            x = tokens.permute(0, 3, 1, 2)
        return x if self.transition is None else self.transition(x)


class TinyVit(ImageEncoder):
    """The encoder of MobileSAM.

    Attributes:
        config: Its shape.
        unused_norm: Of the classifier that TinyViT was trained with at first.
        unused_head: Its last layer. The published checkpoint holds both, and its loader insists on them, so
            that they are kept here for files to come back as they were; nothing calls them.
    """

    def __init__(self, config: TinyVitConfig) -> None:
        super().__init__()
        self.config = config
        first, last = config.widths[0], config.widths[-1]
        self.patch_embed = nn.Sequential(
            ConvNorm(3, first // 2, 3, 2), nn.GELU(), ConvNorm(first // 2, first, 3, 2)
        )
        self.stages = nn.ModuleList(_stage(config, index) for index in range(len(config.widths)))
        self.neck: nn.Sequential = Neck(last)
        self.unused_norm = nn.LayerNorm(last)
        self.unused_head = nn.Linear(last, _CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Maps normalised images (B, 3, S, S), S as configured, to (B, 256, S / 16, S / 16)."""
        x = self.patch_embed(images)
        for stage in self.stages:
            x = stage(x)
        return self.neck(x)  # type: ignore[no-any-return]


def _stage(config: TinyVitConfig, index: int) -> Stage:
    width, last = config.widths[index], index == len(config.widths) - 1
    if index == 0:
        blocks: list[nn.Module] = [ConvBlock(width) for _ in range(config.depths[0])]
    else:
        blocks = [AttentionBlock(width, config.windows[index - 1]) for _ in range(config.depths[index])]
    if last:
        return Stage(blocks, None)
    return Stage(blocks, Transition(width, config.widths[index + 1], config.strides[index]))
