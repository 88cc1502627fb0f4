"""Turns boxes into queries."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SINE_WIDTH = 128
_MARGIN = 1e-5


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
