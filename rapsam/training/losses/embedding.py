"""How far an embedding is from that of a teacher, where there is an image and no padding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rapsam.tasks.geometry import Size

_MORE_THAN_HALF = 0.5


def valid_pixels(content: Size, padded: Size, size: Size) -> Tensor:
    """Tells which pixels of a map lie on the image and not on its padding.

    Args:
        content: Height and width that the image covers, at the top left.
        padded: Of the network's image.
        size: Of the map.

    Returns:
        (height, width) bool: the mask of the image, made smaller bilinearly, is above a half. The first pixel
        is valid always.
    """
    image = torch.zeros(1, 1, *padded)
    image[..., : content[0], : content[1]] = 1.0
    inside = F.interpolate(image, size=size, mode="bilinear", align_corners=False)[0, 0] > _MORE_THAN_HALF
    inside[0, 0] = True  # of a strip of few pixels too
    return inside


def embedding_loss(found: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """Squared difference, mean over channels and valid positions, summed over images.

    Args:
        found: (B, C, h, w).
        wanted: (B, C, h, w), of the teacher.
        valid: (B, h, w) bool, at least one of each image.
    """
    difference = (found - wanted).square().mean(dim=1).masked_fill(~valid, 0.0)
    each = difference.sum(dim=(1, 2)) / valid.sum(dim=(1, 2))
    return each.sum()
