"""Points at which masks are compared instead of at every pixel (PointRend, Kirillov et al., 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

OVERSAMPLING = 3
"""Candidates per point that is kept."""
UNCERTAIN_SHARE = 0.75
"""Share of the points that lie where the prediction is least sure; the others lie anywhere."""


def values_at(maps: Tensor, points: Tensor) -> Tensor:
    """Reads maps between their pixels, bilinearly, with zeros outside (align_corners=False).

    Args:
        maps: (M, H, W) float.
        points: (M, P, 2) or (1, P, 2) x, y in fractions 0..1 of width and height.

    Returns:
        (M, P).
    """
    grid = (2 * points - 1).expand(len(maps), -1, -1)[:, None]
    return F.grid_sample(maps[:, None], grid, mode="bilinear", align_corners=False)[:, 0, 0]


def random_points(count: int, maps: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Draws (maps, count, 2) points, uniform in 0..1.

    Drawn on the CPU, so that a sample sees the same points on every device.
    """
    return torch.rand(maps, count, 2, generator=generator).to(device)


@torch.no_grad()
def uncertain_points(mask_logits: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draws points where mask logits (M, H, W) are nearest to 0, and some anywhere: (M, count, 2)."""
    maps, device = len(mask_logits), mask_logits.device
    candidates = random_points(OVERSAMPLING * count, maps, generator, device)
    nearest = int(UNCERTAIN_SHARE * count)
    order = values_at(mask_logits, candidates).abs().topk(nearest, largest=False).indices
    chosen = candidates.gather(1, order[..., None].expand(-1, -1, 2))
    return torch.cat([chosen, random_points(count - nearest, maps, generator, device)], dim=1)
