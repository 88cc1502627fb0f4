"""Which tensors of a graph are as large as a picture, so that a slow operator on them is felt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rapsam.contract import GraphContract

# Height and width.
Grid = tuple[int, int]

_PIXEL_STRIDE = 8


def pixel_grid(contract: GraphContract) -> Grid | None:
    """Returns the smallest map that counts as pixel-sized: an eighth of the image's height and width.

    None for a graph without an image: nothing in it is pixel-sized.
    """
    if contract.image_size is None:
        return None
    height, width = (max(1, side // _PIXEL_STRIDE) for side in contract.image_size)
    return height, width


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
