"""Turns points, boxes and masks into what the decoder takes: tokens, and a map to add to the embedding."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from rapsam.models.sam.layers import EMBEDDING_WIDTH, LayerNorm2d

EMPTY_SLOT: Final = -2
"""Label of a slot that holds nothing: no token is made of it. Every other slot is a token."""
PADDING_POINT: Final = -1
"""Label of the point that is appended to points without a box: a token that says where nothing is."""
NEGATIVE_POINT: Final = 0
POSITIVE_POINT: Final = 1
BOX_TOP_LEFT: Final = 2
BOX_BOTTOM_RIGHT: Final = 3
LABELS: Final = (PADDING_POINT, NEGATIVE_POINT, POSITIVE_POINT, BOX_TOP_LEFT, BOX_BOTTOM_RIGHT)
"""What a token may be. The last four have an embedding each, at the index of their label."""
MASK_STRIDE: Final = 4
"""Pixels of the image per pixel of a mask, prompted or answered."""
PIXEL_CENTRE = 0.5


class PositionEncoding(nn.Module):
    """Encodes places by sines and cosines of random directions (Tancik et al., 2020)."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Random, but part of the weights: the network learnt with these very directions.
        self.register_buffer("frequencies", torch.randn(2, EMBEDDING_WIDTH // 2))

    def forward(self, places: Tensor) -> Tensor:
        """Maps x, y in fractions of the image (..., 2) to (..., 256)."""
        angles = 2 * math.pi * ((2 * places - 1) @ self.frequencies)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def grid(self, size: tuple[int, int]) -> Tensor:
        """Encodes the centres of the pixels of a map, (1, 256, height, width)."""
        height, width = size
        like = self.frequencies
        y = (torch.arange(height, device=like.device, dtype=like.dtype) + PIXEL_CENTRE) / height
        x = (torch.arange(width, device=like.device, dtype=like.dtype) + PIXEL_CENTRE) / width
        places = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
        return self(places).permute(2, 0, 1).unsqueeze(0)  # type: ignore[no-any-return]


class PromptEncoder(nn.Module):
    """Prompts to tokens and maps.

    Attributes:
        position: Encodes places.
        point_embeddings: One of (1, 256) for each of the labels 0 to 3.
        padding_point: (1, 256), the token of a padding point.
        no_mask: (1, 256), what is added to every pixel where no mask is given.
        mask_downscaling: Mask logits at stride 4 to a map of the embedding's size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.position = PositionEncoding()
        self.point_embeddings = nn.ParameterList(torch.randn(1, EMBEDDING_WIDTH) for _ in LABELS[1:])
        self.padding_point = nn.Parameter(torch.randn(1, EMBEDDING_WIDTH))
        self.no_mask = nn.Parameter(torch.randn(1, EMBEDDING_WIDTH))
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2),
            LayerNorm2d(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, 2),
            LayerNorm2d(16),
            nn.GELU(),
            nn.Conv2d(16, EMBEDDING_WIDTH, 1),
        )

    def tokens(self, points: Tensor, labels: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Makes the tokens of points and of the corners of boxes.

        Args:
            points: (B, N, 2) x, y in pixels of the network's image; 0 is its border, not the centre of a
                pixel.
            labels: (B, N), each of `LABELS`; any dtype.
            image_size: Height and width of the network's image.

        Returns:
            (B, N, 256).
        """
        sides = points.new_tensor([image_size[1], image_size[0]])
        tokens = self.position((points + PIXEL_CENTRE) / sides)
        for label, embedding in enumerate(self.point_embeddings):
            tokens = tokens + embedding * (labels == label).unsqueeze(-1)
        return torch.where((labels == PADDING_POINT).unsqueeze(-1), self.padding_point, tokens)

    def dense(self, masks: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Makes the map that is added to the image embedding.

        Args:
            masks: (B, 1, 4 h, 4 w) mask logits of an earlier answer, None for none.
            size: h and w, the sides of the embedding.

        Returns:
            (B, 256, h, w); B is 1 without masks.
        """
        if masks is None:
            return self.no_mask[..., None, None].expand(1, -1, *size)
        return self.mask_downscaling(masks)  # type: ignore[no-any-return]
