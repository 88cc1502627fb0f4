"""Which tensors of a graph are as large as a picture, so that a slow operator on them is felt."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from rapsam.contract import GraphContract, TensorSpec

_IMAGE_CHANNELS = 3
_IMAGE_STRIDE = 1
_MAP_STRIDE = 4  # of mask features
_PIXEL_STRIDE = 8


def pixel_threshold(contract: GraphContract) -> int:
    """Gives the number of positions from which a tensor counts as pixel-sized: (H / 8) * (W / 8).

    H and W are the height and width of the image. The inputs of layout NCHW say them: one of 3 channels is
    the image, any other has mask features at stride 4. Without any, nothing is pixel-sized.
    """
    maps = [spec for spec in contract.inputs if spec.layout == "NCHW"]
    return max((_positions_at_stride_8(spec) for spec in maps), default=sys.maxsize)


def is_pixel_sized(shape: Sequence[int], threshold: int) -> bool:
    """Says whether a tensor has at least `threshold` positions; see `pixel_threshold`.

    Positions are the product of the last two axes of a rank-4 tensor (NCHW), the largest axis below rank 4
    (flattened pixels, rows of a gather), and the product of the two largest axes above. A shape does not
    say what its axes mean, so that a large matrix of attention between queries may count as well.
    """
    if len(shape) == len("NCHW"):
        return math.prod(shape[-2:]) >= threshold
    axes = sorted(shape, reverse=True)
    return math.prod(axes[:1] if len(shape) < len("NCHW") else axes[:2]) >= threshold


def _positions_at_stride_8(spec: TensorSpec) -> int:
    stride = _IMAGE_STRIDE if spec.shape[1] == _IMAGE_CHANNELS else _MAP_STRIDE
    height, width = (side * stride // _PIXEL_STRIDE for side in spec.shape[-2:])
    return max(1, height * width)
