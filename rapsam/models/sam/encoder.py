"""What the rest of the family knows of an image encoder."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn


class ImageEncoder(nn.Module):
    """Maps normalised images to image embeddings at a sixteenth of their sides.

    Attributes:
        stride: Pixels of the image per pixel of the embedding.
    """

    stride = 16

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, 3, H, W) to (B, 256, H / 16, W / 16)."""
        raise NotImplementedError


class EncoderConfig(Protocol):
    """Shape of an image encoder."""

    @property
    def fixed_size(self) -> int | None:
        """Side of the square images that it takes; None for any sides that are multiples of 32."""
        ...

    def build(self) -> ImageEncoder:
        """Builds it, randomly initialised."""
        ...
