"""From pixels of the embedding to masks, as products of vectors.

A transposed convolution whose kernel is as large as its stride makes each of its four pixels from one: a
matrix product with four times the outputs. Norms and activations work on single pixels, in whatever order
these lie. So pixels are put in their places once, at the end, when only masks are left of their channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.sam.layers import LayerNorm2d
from rapsam.models.sam.mask_decoder import MASK_WIDTH, NUM_MASKS, MaskDecoder
from rapsam.models.sam.rewrites.norms import vector_norm

# Legend: B prompts, P pixels of the embedding, M masks (4).

_DOUBLED = 2
_PARTS = _DOUBLED * _DOUBLED
"""Pixels that one becomes when sides are doubled."""


class MaskProduct(nn.Module):
    """The product that makes mask logits, (B, n, 32) by (B, 32, M)."""

    def forward(self, features: Tensor, kernels: Tensor) -> Tensor:
        """Multiplies."""
        return features @ kernels


class DeployedUpscaling(nn.Module):
    """`MaskDecoder.upscaling` and the product with the kernels.

    Args:
        decoder: The trained decoder.
        size: Height and width of the embedding.
    """

    def __init__(self, decoder: MaskDecoder, size: tuple[int, int]) -> None:
        super().__init__()
        first, norm, _, second, _ = decoder.upscaling
        assert isinstance(norm, LayerNorm2d)
        self.size = size
        self.first = _as_linear(first)
        self.norm = vector_norm(norm)
        self.second = _as_linear(second)
        self.mask_product = MaskProduct()

    def forward(self, image: Tensor, kernels: Tensor) -> Tensor:
        """Makes mask logits.

        Args:
            image: (B, P, 256).
            kernels: (B, M, 32).

        Returns:
            (B, M, 4 h, 4 w).
        """
        batch, pixels, _ = image.shape
        halves = self.first(image).reshape(batch, pixels * _PARTS, 2 * MASK_WIDTH)
        quarters = self.second(F.gelu(self.norm(halves)))
        features = F.gelu(quarters).reshape(batch, pixels * _PARTS * _PARTS, MASK_WIDTH)
        masks = self.mask_product(features, kernels.transpose(1, 2))
        return self._in_place(masks.reshape(batch, pixels, _PARTS, _PARTS * NUM_MASKS))

    def _in_place(self, masks: Tensor) -> Tensor:
        """Puts (B, P, parts, parts * M) where they belong: first the finer parts, then the coarser."""
        batch = masks.shape[0]
        # Channels as a shuffle wants them: masks, then finer parts, then coarser parts.
        sorted_ = masks.reshape(-1, _PARTS, _PARTS, NUM_MASKS).permute(0, 3, 2, 1)
        maps = sorted_.reshape(batch, *self.size, NUM_MASKS * _PARTS * _PARTS).permute(0, 3, 1, 2)
        return _shuffled(_shuffled(maps))


def _shuffled(maps: Tensor) -> Tensor:
    """Computes `F.pixel_shuffle(maps, 2)` by moving axes: that of ExecuTorch 1.4.1 gave other pixels."""
    batch, channels, height, width = maps.shape
    parts = maps.reshape(batch * channels // _PARTS, _DOUBLED, _DOUBLED, height, width).permute(0, 3, 1, 4, 2)
    return parts.reshape(batch, channels // _PARTS, height * _DOUBLED, width * _DOUBLED)


@torch.no_grad()
def _as_linear(layer: nn.Module) -> nn.Linear:
    """Makes the matrix of a transposed convolution that doubles: its outputs are parts, then channels."""
    assert isinstance(layer, nn.ConvTranspose2d)
    assert layer.bias is not None
    weight = layer.weight
    made = nn.Linear(weight.shape[0], _PARTS * weight.shape[1], dtype=weight.dtype)
    made.weight.copy_(weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0]))
    made.bias.copy_(layer.bias.repeat(_PARTS))
    return made
