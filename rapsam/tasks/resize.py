"""Bilinear resizing with half-pixel centres and no antialiasing.

This is what OpenCV calls INTER_LINEAR and torch `interpolate(mode="bilinear", align_corners=False)`.
Output pixel i looks at source position (i + 0.5) * source / target - 0.5, clamped to the image, and
blends the two source pixels around it. Both axes are independent, so each is treated by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Indices, Pixels
from rapsam.tasks.geometry import ImageGeometry, Size

_BAND_ELEMENTS = 1 << 21


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
    rows, columns = axis_taps(image.shape[0], size[0]), axis_taps(image.shape[1], size[1])
    down, right = rows.weight[:, None, None], columns.weight[None, :, None]
    top = _blend_columns(image.take(rows.lower, axis=0), columns, right)
    bottom = _blend_columns(image.take(rows.upper, axis=0), columns, right)
    bottom -= top
    bottom *= down
    top += bottom
    top += np.float32(0.5)
    return top.astype(np.uint8)


def resize_maps(maps: Floats, size: Size) -> Floats:
    """Resizes (N, h, w) float32 maps to (N, height, width)."""
    rows, columns = axis_matrix(maps.shape[-2], size[0]), axis_matrix(maps.shape[-1], size[1])
    return np.asarray(np.matmul(rows, np.matmul(maps, columns.T)), np.float32)


def original_bands(mask_logits: Floats, geometry: ImageGeometry) -> Iterator[tuple[slice, Floats]]:
    """Brings mask logits to the original image's size, a band of rows at a time.

    The original enlarges to the padded size, cuts the padding off, and resizes to the original size.
    Each step is linear in every axis, so the three are one matrix per axis. Bands keep the memory
    small for large photographs, and let each product touch only the few source rows that it needs.

    Args:
        mask_logits: (N, h, w) float32 at any stride of the padded input.
        geometry: Sizes of the image.

    Yields:
        Rows of the original image as a slice, and (N, rows, w0) float32 mask logits.
    """
    down, across = _to_original(mask_logits.shape[-2:], geometry)
    wide = np.matmul(mask_logits, across.T)
    height, width = geometry.original_size
    step = max(1, _BAND_ELEMENTS // max(1, len(mask_logits) * width))
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        used = np.flatnonzero(down[rows].any(axis=0))
        source = slice(int(used[0]), int(used[-1]) + 1)
        yield rows, np.matmul(down[rows, source], wide[:, source])


def to_original(mask_logits: Floats, geometry: ImageGeometry) -> Floats:
    """Brings (N, h, w) mask logits to the original size, (N, h0, w0); see `original_bands`."""
    resized = np.empty((len(mask_logits), *geometry.original_size), np.float32)
    for rows, band in original_bands(mask_logits, geometry):
        resized[:, rows] = band
    return resized


def _blend_columns(rows: Pixels, columns: AxisTaps, right: Floats) -> Floats:
    left = rows.take(columns.lower, axis=1).astype(np.float32)
    change = rows.take(columns.upper, axis=1).astype(np.float32)
    change -= left
    change *= right
    left += change
    return left


def _to_original(source: tuple[int, ...], geometry: ImageGeometry) -> tuple[Floats, Floats]:
    matrices = []
    for axis in range(2):
        enlarge = axis_matrix(source[axis], geometry.padded_size[axis])
        content = geometry.content_size[axis]
        matrices.append(axis_matrix(content, geometry.original_size[axis]) @ enlarge[:content])
    return matrices[0], matrices[1]
