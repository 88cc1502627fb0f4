"""Bilinear resizing with half-pixel centres and no antialiasing.

This is what OpenCV calls INTER_LINEAR and torch `interpolate(mode="bilinear", align_corners=False)`.
Output pixel i looks at source position (i + 0.5) * source / target - 0.5, clamped to the image, and
blends the two source pixels around it. Both axes are independent, so each is treated by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Indices, Pixels
from rapsam.tasks.geometry import ImageGeometry, Size

# Of 32 to 128, the side at which fusing 5 to 50 masks of a 640x640 frame was fastest.
_TILE_SIDE = 64
# A larger product OpenBLAS gives to several threads, which then fight with those of a runtime that has just
# run a graph and goes on spinning.
_ONE_THREAD = 1 << 18


class AxisTaps(NamedTuple):
    """The two source pixels that each output pixel of one axis blends.

    Attributes:
        lower: (target,) index of the first source pixel.
        upper: (target,) index of the second, equal to the first at the far border.
        weight: (target,) share of the second, 0..1; the first has the rest.
    """

    lower: Indices
    upper: Indices
    weight: Floats

    def part(self, place: slice) -> AxisTaps:
        """Cuts out some of the output pixels."""
        return AxisTaps(self.lower[place], self.upper[place], self.weight[place])


def axis_taps(source: int, target: int) -> AxisTaps:
    """Computes source pixels and weights of one axis, in float32 as the original does.

    Args:
        source: Pixels before, at least 1.
        target: Pixels after, at least 1.
    """
    scale = np.float32(source) / np.float32(target)
    positions = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    positions = np.clip(positions, np.float32(0), np.float32(source - 1))
    lower = positions.astype(np.int64)
    upper = np.minimum(lower + 1, source - 1)
    return AxisTaps(lower, upper, (positions - lower).astype(np.float32))


def axis_matrix(source: int, target: int) -> Floats:
    """Writes the resize of one axis as a (target, source) matrix with at most two entries a row."""
    lower, upper, weight = axis_taps(source, target)
    matrix = np.zeros((target, source), np.float32)
    rows = np.arange(target)
    matrix[rows, lower] = 1 - weight
    matrix[rows, upper] += weight
    return matrix


def resize_image(image: Pixels, size: Size) -> Pixels:
    """Resizes an image.

    Args:
        image: (h, w, channels) uint8.
        size: Height and width afterwards.

    Returns:
        (height, width, channels) uint8, rounded half up.

    Raises:
        InputError: If the image is not uint8 with three axes.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise InputError(
            f"image is {image.dtype} {list(image.shape)}; expected uint8 (height, width, channels)"
        )
    if image.shape[:2] == size:
        return image.copy()
    return resize_part(image, size, slice(None), slice(None))


def resize_part(image: Pixels, size: Size, rows: slice, columns: slice) -> Pixels:
    """Makes the part of a resized image (h, w, channels) that lies in these rows and columns."""
    ys, xs = axis_taps(image.shape[0], size[0]).part(rows), axis_taps(image.shape[1], size[1]).part(columns)
    down, right = ys.weight[:, None, None], xs.weight[None, :, None]
    top = _blend_columns(image.take(ys.lower, axis=0), xs, right)
    bottom = _blend_columns(image.take(ys.upper, axis=0), xs, right)
    bottom -= top
    bottom *= down
    top += bottom
    top += np.float32(0.5)
    return top.astype(np.uint8)


def resize_maps(maps: Floats, size: Size) -> Floats:
    """Resizes (N, h, w) float32 maps to (N, height, width)."""
    rows, columns = axis_matrix(maps.shape[-2], size[0]), axis_matrix(maps.shape[-1], size[1])
    return np.asarray(np.matmul(rows, np.matmul(maps, columns.T)), np.float32)


class Tile(NamedTuple):
    """A rectangle of the original image, and how it is made from mask logits.

    Attributes:
        place: Rows and columns of the original image.
        source: Rows and columns of the mask logits that the tile reads.
        down: (rows, source rows) weights of the vertical resize: not negative, each row sums to 1.
        across: (columns, source columns) weights of the horizontal one, alike.
    """

    place: tuple[slice, slice]
    source: tuple[slice, slice]
    down: Floats
    across: Floats

    def source_of(self, mask_logits: Floats) -> Floats:
        """Cuts the part that the tile reads out of (N, h, w) mask logits."""
        return mask_logits[:, self.source[0], self.source[1]]

    def enlarged(self, source: Floats) -> Floats:
        """Makes (N, rows, columns) values of the original image from what `source_of` gave."""
        values: Floats = np.matmul(self.down, np.matmul(source, self.across.T))
        return values


def original_tiles(source: tuple[int, ...], geometry: ImageGeometry) -> Iterator[Tile]:
    """Cuts the way of mask logits to the original image's size into tiles.

    The original enlarges to the padded size, cuts the padding off, and resizes to the original size.
    Each step is linear in every axis, so the three are one matrix per axis. A tile touches only the few
    source pixels that it needs, keeps its values in the processor's cache, and may skip masks that are
    nowhere near.

    Args:
        source: Height and width of the mask logits, at any stride of the padded input.
        geometry: Sizes of the image.

    Yields:
        Tiles that cover the original image once, row by row.
    """
    rows, columns = (
        _axis_pieces(*sides)
        for sides in zip(
            source, geometry.padded_size, geometry.content_size, geometry.original_size, strict=True
        )
    )
    for vertical, horizontal in itertools.product(rows, columns):
        yield Tile(
            (vertical.place, horizontal.place),
            (vertical.source, horizontal.source),
            vertical.weights,
            horizontal.weights,
        )


class Block(NamedTuple):
    """A rectangle of an enlarged mask.

    Attributes:
        place: Rows and columns of the original image.
        values: (rows, columns) float32 mask logits there.
    """

    place: tuple[slice, slice]
    values: Floats


def enlarged_blocks(
    mask_logits: Floats, geometry: ImageGeometry, above: float | None = None
) -> Iterator[Block]:
    """Brings one mask to the original size, as `original_tiles` does, where it may exceed a value.

    Tiles serve many masks at once, of which most are nowhere near. One mask is done faster axis by axis: all
    its columns first, then its rows, in a quarter as many products.

    Args:
        mask_logits: (h, w) float32 at any stride of the padded input.
        geometry: Sizes of the image.
        above: No value outside the blocks is larger: an enlarged logit is a mean of these, with no negative
            weight. None for all of the image.

    Yields:
        Blocks that do not overlap.
    """
    found = np.True_ if above is None else mask_logits > above
    found = np.broadcast_to(found, mask_logits.shape)
    rows = _reading(mask_logits.shape[0], 0, geometry, np.flatnonzero(found.any(axis=1)))
    columns = _reading(mask_logits.shape[1], 1, geometry, np.flatnonzero(found.any(axis=0)))
    if not rows or not columns:
        return
    top, left = rows[0].source.start, columns[0].place.start
    source = mask_logits[top : rows[-1].source.stop]
    wide = np.empty((len(source), columns[-1].place.stop - left), np.float32)
    for piece in columns:
        part = wide[:, piece.place.start - left : piece.place.stop - left]
        for some in _one_thread(len(source), piece.weights):
            np.matmul(source[some, piece.source], piece.weights.T, out=part[some])
    for piece in rows:
        read = wide[piece.source.start - top : piece.source.stop - top]
        for some in _one_thread(wide.shape[1], piece.weights):
            yield Block(
                (piece.place, slice(left + some.start, left + some.stop)), piece.weights @ read[:, some]
            )


def to_original(mask_logits: Floats, geometry: ImageGeometry) -> Floats:
    """Brings (N, h, w) mask logits to the original size, (N, h0, w0); see `original_tiles`."""
    resized = np.empty((len(mask_logits), *geometry.original_size), np.float32)
    for whole, source in zip(resized, mask_logits, strict=True):
        for block in enlarged_blocks(source, geometry):
            whole[block.place] = block.values
    return resized


class _AxisPiece(NamedTuple):
    place: slice
    source: slice
    weights: Floats


# All frames of a video have the same sizes.
@lru_cache(maxsize=8)
def _axis_pieces(source: int, padded: int, content: int, original: int) -> tuple[_AxisPiece, ...]:
    matrix = axis_matrix(content, original) @ axis_matrix(source, padded)[:content]
    matrix.flags.writeable = False
    pieces = []
    for start in range(0, original, _TILE_SIDE):
        place = slice(start, min(start + _TILE_SIDE, original))
        used = np.flatnonzero(matrix[place].any(axis=0))
        read = slice(int(used[0]), int(used[-1]) + 1)
        pieces.append(_AxisPiece(place, read, matrix[place, read]))
    return tuple(pieces)


def _reading(source: int, axis: int, geometry: ImageGeometry, wanted: Indices) -> list[_AxisPiece]:
    """Lists the pieces of an axis that read from the first to the last of these rows or columns."""
    if not wanted.size:
        return []
    sides = geometry.padded_size[axis], geometry.content_size[axis], geometry.original_size[axis]
    return [
        piece
        for piece in _axis_pieces(source, *sides)
        if piece.source.stop > wanted[0] and piece.source.start <= wanted[-1]
    ]


def _one_thread(count: int, weights: Floats) -> Iterator[slice]:
    """Cuts so many rows or columns, to be multiplied with weights, into parts that one thread computes."""
    most = max(1, _ONE_THREAD // weights.size)
    return (slice(start, min(start + most, count)) for start in range(0, count, most))


def _blend_columns(rows: Pixels, columns: AxisTaps, right: Floats) -> Floats:
    left = rows.take(columns.lower, axis=1).astype(np.float32)
    change = rows.take(columns.upper, axis=1).astype(np.float32)
    change -= left
    change *= right
    left += change
    return left
