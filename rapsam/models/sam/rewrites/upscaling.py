"""From pixels of the embedding to masks, as products of vectors, without moving a pixel.

A transposed convolution whose kernel is as large as its stride makes each of its four pixels from one: a
matrix product with four times the outputs. Of these, the two of one row lie side by side in the result when
they lie so in the outputs: with a matrix for the upper two and one for the lower two, pixels come out in rows
as they are in a map. Rows are put in their order once, at the end, when only masks are left of the channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.sam.layers import LayerNorm2d
from rapsam.models.sam.mask_decoder import MASK_WIDTH, MaskDecoder
from rapsam.models.sam.rewrites.norms import vector_norm

# Legend: B prompts, P pixels of the embedding, M masks (4).

_DOUBLED = 2


class MaskProduct(nn.Module):
    """The product that makes mask logits, (B, 1, M, 32) by (B, 1, 32, n)."""

    def forward(self, kernels: Tensor, features: Tensor) -> Tensor:
        """Multiplies."""
        return kernels @ features


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
        self.first = _by_row(first)
        self.norm = vector_norm(norm)
        self.second = _by_row(second)
        self.mask_product = MaskProduct()

    def forward(self, image: Tensor, kernels: Tensor) -> Tensor:
        """Makes mask logits.

        Args:
            image: (B, 1, P, 256).
            kernels: (B, 1, M, 32).

        Returns:
            (B, M, 4 h, 4 w).
        """
        batch, _, pixels, _ = image.shape
        height, width = self.size
        rows: list[Tensor] = []
        for upper_or_lower in self.first:
            halves = upper_or_lower(image).reshape(batch, 1, pixels * _DOUBLED, 2 * MASK_WIDTH)
            halves = F.gelu(self.norm(halves))
            for finer in self.second:
                quarters = finer(halves).reshape(batch, 1, pixels * _DOUBLED**2, MASK_WIDTH)
                masks = self.mask_product(kernels, F.gelu(quarters).transpose(-2, -1))
                rows.append(masks.reshape(batch, -1, height, width * _DOUBLED**2))
        return torch.cat(rows, dim=-1).reshape(batch, -1, height * _DOUBLED**2, width * _DOUBLED**2)


@torch.no_grad()
def _by_row(layer: nn.Module) -> nn.ModuleList:
    """Makes matrices of a transposed convolution that doubles, for upper and for lower pixels.

    The outputs of each are those of the left pixel, then of the right one.
    """
    assert isinstance(layer, nn.ConvTranspose2d)
    assert layer.bias is not None
    made = nn.ModuleList()
    for weight in layer.weight.unbind(2):
        linear = nn.Linear(layer.in_channels, _DOUBLED * layer.out_channels, dtype=weight.dtype)
        linear.weight.copy_(weight.permute(2, 1, 0).flatten(0, 1))
        linear.bias.copy_(layer.bias.repeat(_DOUBLED))
        made.append(linear)
    return made
