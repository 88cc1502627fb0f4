"""The vision transformer of SAM: attention in windows, four blocks with attention to all tokens.

Places enter as embeddings at the start and as learnt terms for rows and columns in every score (Li et al.,
2022, arXiv 2203.16527).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rapsam.models.sam.attention import heads, merged
from rapsam.models.sam.encoder import ImageEncoder
from rapsam.models.sam.layers import Neck
from rapsam.models.sam.windows import joined, padded_to_windows, split

PATCH = 16
_EPS = 1e-6
_MLP_RATIO = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class VitConfig:
    """Shape of a vision transformer.

    Attributes:
        width: Channels.
        depth: Blocks; every fourth part ends with one that attends to all tokens.
        num_heads: Attention heads.
        window: Side of the windows of the other blocks, in tokens.
        fixed_size: Side of the square images that it takes.
    """

    width: int
    depth: int
    num_heads: int
    window: int = 14
    fixed_size: int = 1024

    @property
    def grid(self) -> int:
        """Tokens per side."""
        return self.fixed_size // PATCH

    def window_of(self, block: int) -> int | None:
        """Returns the side of the windows of a block; None for one that attends to all tokens."""
        return None if (block + 1) % (self.depth // 4) == 0 else self.window

    def build(self) -> Vit:
        """Builds it, randomly initialised."""
        return Vit(self)


class VitAttention(nn.Module):
    """Attention among the tokens of squares, with terms for rows and columns between two tokens.

    What is padded to fill the last squares is not masked: it is attended to like all other tokens.

    Args:
        width: Channels.
        num_heads: Attention heads.
        side: Of the squares in which a map is cut, in tokens.

    Attributes:
        qkv: Packed: queries of all heads, then keys, then values.
        rel_pos_h: (2 * side - 1, head width), by rows between query and key, from 1 - side on.
        rel_pos_w: The same for columns.
    """

    def __init__(self, width: int, num_heads: int, side: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.side = side
        self.head_width = width // num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, self.head_width))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, self.head_width))

    def forward(self, x: Tensor) -> Tensor:
        """Attends in the squares of a map (B, H, W, C): the same shape."""
        padded = padded_to_windows(x, self.side)
        parts = self.qkv(split(padded, self.side)).chunk(3, dim=-1)
        q, k, v = (heads(part, self.num_heads) for part in parts)
        scores = self._placed(q, (q * self.head_width**-0.5) @ k.transpose(-2, -1))
        attended = self.proj(merged(scores.softmax(-1) @ v))
        return joined(attended, padded.shape[1:3], self.side)[:, : x.shape[1], : x.shape[2]]

    def _placed(self, q: Tensor, scores: Tensor) -> Tensor:
        """Adds the terms for places to scores (W, heads, n, n), from queries that are not scaled."""
        side, squares = self.side, q.unflatten(2, (self.side, self.side))
        rows = torch.einsum("wnhxd,hid->wnhxi", squares, by_offset(self.rel_pos_h, side))
        columns = torch.einsum("wnhxd,xjd->wnhxj", squares, by_offset(self.rel_pos_w, side))
        scores = scores.unflatten(-1, (side, side)) + rows.flatten(2, 3).unsqueeze(-1)
        return (scores + columns.flatten(2, 3).unsqueeze(-2)).flatten(-2)


class VitBlock(nn.Module):
    """Attention and a small network for each token, each behind a norm and with a residual.

    Args:
        config: Of the transformer.
        window: Side of the windows in which tokens attend; None for all tokens.
    """

    def __init__(self, config: VitConfig, window: int | None) -> None:
        super().__init__()
        width = config.width
        self.norm1 = nn.LayerNorm(width, eps=_EPS)
        self.attention: nn.Module = VitAttention(width, config.num_heads, window or config.grid)
        self.norm2 = nn.LayerNorm(width, eps=_EPS)
        self.mlp = nn.Sequential(
            nn.Linear(width, _MLP_RATIO * width), nn.GELU(), nn.Linear(_MLP_RATIO * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, C) to the same shape."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class Vit(ImageEncoder):
    """The encoder of SAM.

    Attributes:
        config: Its shape.
        patch_embed: Patches of 16 pixels to tokens.
        position: (1, grid, grid, C), added to the tokens.
    """

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = nn.Conv2d(3, config.width, PATCH, PATCH)
        self.position = nn.Parameter(torch.zeros(1, config.grid, config.grid, config.width))
        windows = [config.window_of(block) for block in range(config.depth)]
        self.blocks = nn.ModuleList(VitBlock(config, window) for window in windows)
        self.neck: nn.Sequential = Neck(config.width)

    def forward(self, images: Tensor) -> Tensor:
        """Maps normalised images (B, 3, S, S), S as configured, to (B, 256, S / 16, S / 16)."""
        x = self.patch_embed(images).permute(0, 2, 3, 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))  # type: ignore[no-any-return]


def by_offset(table: Tensor, side: int) -> Tensor:
    """Spreads a table (2 * side - 1, D) by offsets to pairs of places, (side, side, D): query, key."""
    places = torch.arange(side, device=table.device)
    return table[places[:, None] - places + side - 1]
