"""ViT: attention with terms for rows and columns in four axes, and patches of images less whole levels."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.sam.attention import heads, merged
from rapsam.models.sam.rewrites.norms import deployed_norms
from rapsam.models.sam.vit import Vit, VitAttention, VitBlock, by_offset
from rapsam.models.sam.windows import joined, padded_to_windows, split


class DeployedVitAttention(nn.Module):
    """`VitAttention` with its tables spread out once; the scale of the scores is in the weights of the keys.

    The terms for rows and columns take queries that are not scaled. To the scores of one query over all
    keys, as a square, a row of numbers and a column of numbers are added. The last projection takes tokens
    one by one, so that the padding can be cut off before it.
    """

    row_terms: Tensor
    column_terms: Tensor

    def __init__(self, attention: VitAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.head_width = attention.head_width
        self.side = attention.side
        self.qkv = copy.deepcopy(attention.qkv)
        self.proj = copy.deepcopy(attention.proj)
        with torch.no_grad():
            for parameter in (self.qkv.weight, self.qkv.bias):
                parameter.chunk(3)[1].mul_(self.head_width**-0.5)
        for name, table in (("row_terms", attention.rel_pos_h), ("column_terms", attention.rel_pos_w)):
            terms = by_offset(table.detach(), self.side).transpose(1, 2).unsqueeze(0)
            self.register_buffer(name, terms.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Attends in the squares of a map (B, H, W, C): the same shape."""
        padded = padded_to_windows(x, self.side)
        parts = self.qkv(split(padded, self.side)).chunk(3, dim=-1)
        q, k, v = (heads(part, self.num_heads) for part in parts)
        attended = merged(self._placed(q, q @ k.transpose(-2, -1)).softmax(-1) @ v)
        whole = joined(attended, padded.shape[1:3], self.side)[:, : x.shape[1], : x.shape[2]]
        return self.proj(whole)  # type: ignore[no-any-return]

    def _placed(self, q: Tensor, scores: Tensor) -> Tensor:
        """Adds the terms for places to scores (W, heads, n, n)."""
        side, length = self.side, q.shape[2]
        squares = q.reshape(-1, side, side, self.head_width)
        rows = (squares @ self.row_terms).reshape(-1, length, side, 1)
        by_columns = squares.transpose(1, 2) @ self.column_terms
        columns = by_columns.transpose(1, 2).reshape(-1, length, 1, side)
        placed = scores.reshape(-1, length, side, side) + rows + columns
        return placed.reshape(scores.shape)


def deployed_vit(encoder: Vit, offset: Tensor) -> Vit:
    """Copies an encoder, with its attention rewritten, for images from which whole levels were subtracted.

    In 16 bits the mean colour is rounded. Where an image is padded with that colour, little else is left
    after the subtraction, and a norm makes it as large as any other patch. A difference of whole levels is
    exact. Patches meet no padding of the convolution, so that the rest of the mean is a constant of each
    channel: it is in the bias.

    Args:
        encoder: The trained encoder; not changed.
        offset: (3,), what images lack to be normalised, in deviations.
    """
    deployed = copy.deepcopy(encoder)
    with torch.no_grad():
        assert deployed.patch_embed.bias is not None
        deployed.patch_embed.bias += deployed.patch_embed.weight.sum((2, 3)) @ offset
    for block in deployed.blocks:
        assert isinstance(block, VitBlock)
        assert isinstance(block.attention, VitAttention)
        block.attention = DeployedVitAttention(block.attention)
    deployed.neck = deployed_norms(encoder.neck)
    return deployed
