"""Layers that several encoders of the family, or its decoder, are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EMBEDDING_WIDTH = 256
"""Channels of the image embedding, of tokens, and of all that the decoder works on."""


class LayerNorm2d(nn.Module):
    """Normalises each pixel of a map over its channels, with the biased variance."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        centred = x - x.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        normed = centred / (variance + self.eps).sqrt()
        return normed * self.weight[:, None, None] + self.bias[:, None, None]


class ConvNorm(nn.Module):
    """A convolution without bias and the batch norm behind it; "same" padding for odd kernels."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.batch_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.batch_norm(self.conv(x))  # type: ignore[no-any-return]


class Neck(nn.Sequential):
    """The last layers of every encoder: from its own channels to the image embedding."""

    def __init__(self, inputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, EMBEDDING_WIDTH, 1, bias=False),
            LayerNorm2d(EMBEDDING_WIDTH),
            nn.Conv2d(EMBEDDING_WIDTH, EMBEDDING_WIDTH, 3, padding=1, bias=False),
            LayerNorm2d(EMBEDDING_WIDTH),
        )
