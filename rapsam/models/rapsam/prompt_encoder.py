"""Turns boxes into queries."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SINE_WIDTH = 128
_MARGIN = 1e-5
# Of the boxes by which random weights are scaled: a grid of clicks over the image.
_GRID, _CLICK = 16, 0.02
_LEARNED_STD = 0.02


class PromptEncoder(nn.Module):
    """Sine encoding of a box's centre and size, projected and added to two learned vectors.

    A point is a small box (see `rapsam.tasks.prompt`). Row 0 of the type embedding is never used: the
    published model takes row 1 for points and boxes alike.
    """

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.type_embedding = nn.Embedding(2, width)
        self.mask_token = nn.Embedding(1, width)
        self.position_proj = nn.Linear(4 * SINE_WIDTH, width)
        exponent = torch.arange(SINE_WIDTH // 2, dtype=torch.float64) * 2 / SINE_WIDTH
        frequencies = (2 * math.pi / 10000**exponent).float()
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, boxes: Tensor) -> Tensor:
        """Encodes boxes.

        Args:
            boxes: (B, K, 4) x1, y1, x2, y2 as fractions (0..1) of the unpadded image.

        Returns:
            Queries (B, K, C).
        """
        corner_1, corner_2 = boxes[..., :2], boxes[..., 2:]
        # Order of the original: cy, cx, width, height.
        scalars = torch.cat([((corner_1 + corner_2) / 2).flip(-1), corner_2 - corner_1], dim=-1)
        # The original's inverse sigmoid (clamped at 1e-5) and sigmoid cancel to this, within 1e-10.
        scalars = scalars.clamp(_MARGIN, 1 - _MARGIN)
        angles = scalars.unsqueeze(-1) * self.frequencies
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1)
        # Boxes come in float32 whatever the weights are: 16 bits would move a small box.
        encoding = waves.reshape(*boxes.shape[:2], 4 * SINE_WIDTH).to(self.position_proj.weight.dtype)
        learned = self.type_embedding.weight[1] + self.mask_token.weight[0]
        return learned + self.position_proj(encoding)  # type: ignore[no-any-return]

    @torch.no_grad()
    def separate_prompts(self) -> None:
        """Scales random weights so that queries of clicks differ by about 1 a channel, with a mean near 0.

        As published, the two learned vectors that all prompts share are 15 times as long as what tells the
        prompts apart, and a norm follows: the place of a click hardly counts at first. Trained weights have
        overcome that; they must not be touched.
        """
        nn.init.normal_(self.type_embedding.weight, std=_LEARNED_STD)
        nn.init.normal_(self.mask_token.weight, std=_LEARNED_STD)
        projection = self.position_proj
        nn.init.normal_(projection.weight)
        projection.bias.zero_()
        queries = self(_clicks())[0] - self.type_embedding.weight[1] - self.mask_token.weight[0]
        scale = 1 / queries.std(dim=0).mean()
        projection.weight.mul_(scale)
        projection.bias.copy_(-scale * queries.mean(dim=0))


def _clicks() -> Tensor:
    """Small boxes (1, n, 4) all over the image."""
    ticks = (torch.arange(_GRID) + 0.5) / _GRID
    centres = torch.cartesian_prod(ticks, ticks)
    return torch.cat([centres - _CLICK / 2, centres + _CLICK / 2], dim=1)[None]
