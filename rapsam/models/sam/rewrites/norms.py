"""Norms of maps as norms of vectors, which graphs of 16 bits keep in 32 (`rapsam.graph.kept_precision`)."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from rapsam.models.sam.layers import LayerNorm2d


class VectorNorm2d(nn.Module):
    """`LayerNorm2d` by the operator for layer norms, on channels that come last.

    Written out, squares of 256 channels would be added up in 16 bits, where both their sum and the small
    number that is added to it leave the range.
    """

    def __init__(self, norm: LayerNorm2d) -> None:
        super().__init__()
        self.norm = vector_norm(norm)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to the same shape."""
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


def vector_norm(norm: LayerNorm2d) -> nn.LayerNorm:
    """Makes the norm of vectors (..., C) that norms each of them as `norm` does each pixel."""
    made = nn.LayerNorm(len(norm.weight), eps=norm.eps, dtype=norm.weight.dtype)
    made.load_state_dict(norm.state_dict())
    return made


def deployed_norms(layers: nn.Sequential) -> nn.Sequential:
    """Copies a sequence, with its norms of maps as norms of vectors."""
    return nn.Sequential(
        *(VectorNorm2d(layer) if isinstance(layer, LayerNorm2d) else copy.deepcopy(layer) for layer in layers)
    )
