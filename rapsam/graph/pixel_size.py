"""Which tensors of a graph are as large as a picture, so that a slow operator on them is felt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rapsam.contract import GraphContract, TensorSpec

# Height and width.
Grid = tuple[int, int]

_IMAGE_CHANNELS = 3
_IMAGE_STRIDE = 1
_MAP_STRIDE = 4  # of mask features
_PIXEL_STRIDE = 8


def pixel_grid(contract: GraphContract) -> Grid | None:
    """Gives the smallest map that counts as pixel-sized: an eighth of the image's height and width.

    The inputs of layout NCHW say the size of the image: one of 3 channels is the image, any other has mask
    features at stride 4. Without any there is no such map, and None is given.
    """
    maps = [_at_stride_8(spec) for spec in contract.inputs if spec.layout == "NCHW"]
    return max(maps, key=math.prod, default=None)


def is_pixel_sized(shape: Sequence[int], grid: Grid | None) -> bool:
    """Says whether a tensor is as large as a picture.

    It is if two axes side by side are height and width of `grid`, or both as many times as large: NCHW, NHWC
    or any other layout. It also is if one axis has as many positions as the grid, or a multiple of them:
    flattened pixels, or rows of a gather. A shape does not say what its axes mean, so that a number of
    channels or classes may be one of these by chance, above all if the image is small.

    Args:
        shape: Of the tensor.
        grid: From `pixel_grid`.
    """
    if grid is None:
        return False
    height, width = grid
    is_map = any(h % height == 0 and w == h // height * width for h, w in pairwise(shape) if w > 0)
    return is_map or any(axis > 0 and axis % (height * width) == 0 for axis in shape)


def _at_stride_8(spec: TensorSpec) -> Grid:
    stride = _IMAGE_STRIDE if spec.shape[1] == _IMAGE_CHANNELS else _MAP_STRIDE
    height, width = (max(1, side * stride // _PIXEL_STRIDE) for side in spec.shape[-2:])
    return height, width
