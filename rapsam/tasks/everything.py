"""All regions of an image, without a prompt from anybody: a grid of points, and what is left of its answers.

Every point of the grid asks a network for the masks that it may mean. Those stay that the network thinks
well of, that hardly depend on their threshold, and that are no copies of a better one. The image may be
looked at again in overlapping crops, which finds smaller things. The figures are SAM's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Indices
from rapsam.tasks.candidates import stability_scores
from rapsam.tasks.geometry import ImageGeometry, Size
from rapsam.tasks.logits import check_finite
from rapsam.tasks.prompt import interactive_masks
from rapsam.tasks.run_mask import RunMask

MAX_POINTS_PER_SIDE, MAX_CROP_LAYERS = 128, 3
EDGE_PIXELS = 20
"""A mask that ends so near the edge of a crop is cut off by it, and seen whole in another."""
_MASK_BYTES = 1 << 28
"""Of masks at the size of the image that are in memory together."""

PixelBox = tuple[int, int, int, int]


class EverythingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How all regions of an image are found.

    Attributes:
        points_per_side: Of the grid; the same in every crop.
        points_per_pass: That are asked about at once.
        min_iou: Predicted IoU that a mask must exceed.
        min_stability: Stability score that a mask must reach; see `rapsam.tasks.candidates`.
        nms_iou: IoU of boxes above which the mask with the lower predicted IoU is a copy; of crops, the one
            from the larger crop.
        crop_layers: Times that the image is looked at in crops too, 4 in the first layer, 16 in the second.
        crop_overlap: Pixels that crops share, as a fraction of the image's short side.
    """

    points_per_side: int = 32
    points_per_pass: int = 64
    min_iou: float = 0.88
    min_stability: float = 0.95
    nms_iou: float = 0.7
    crop_layers: int = 0
    crop_overlap: float = 512 / 1500

    def __post_init__(self) -> None:
        """Raises `InputError` for what would find nothing or never end."""
        for name, value, low, high in (
            ("points per side", self.points_per_side, 1, MAX_POINTS_PER_SIDE),
            ("points per pass", self.points_per_pass, 1, MAX_POINTS_PER_SIDE**2),
            ("predicted IoU", self.min_iou, 0, 1),
            ("stability score", self.min_stability, 0, 1),
            ("IoU of copies", self.nms_iou, 0, 1),
            ("layers of crops", self.crop_layers, 0, MAX_CROP_LAYERS),
            ("overlap of crops", self.crop_overlap, 0, 1),
        ):
            if not low <= value <= high:
                raise InputError(f"{name}: {value}; expected {low} to {high}")


class Region(NamedTuple):
    """A region of an image.

    Attributes:
        mask: Its pixels.
        predicted_iou: What the network thinks of the mask, raw.
        stability: How little the mask changes when its threshold moves, 0..1.
        point: x, y that asked for it, in pixels of the image.
        crop: x1, y1, x2, y2 of the part of the image in which it was found, ends exclusive.
    """

    mask: RunMask
    predicted_iou: float
    stability: float
    point: tuple[float, float]
    crop: PixelBox


def crop_boxes(size: Size, spec: EverythingSpec) -> tuple[PixelBox, ...]:
    """Lays out the parts of an image that are looked at: all of it, then layers of 4, 16, ... crops.

    Args:
        size: Height and width of the image.
        spec: Layers and overlap; a layer with crops of n to a side overlaps by 2 / n of that.
    """
    boxes: list[PixelBox] = [(0, 0, size[1], size[0])]
    for layer in range(spec.crop_layers):
        per_side = 2 ** (layer + 1)
        overlap = int(spec.crop_overlap * min(size) * (2 / per_side))
        height, width = (math.ceil((overlap * (per_side - 1) + side) / per_side) for side in size)
        for left in range(per_side):
            for top in range(per_side):
                x, y = left * (width - overlap), top * (height - overlap)
                if x < size[1] and y < size[0]:
                    boxes.append((x, y, min(x + width, size[1]), min(y + height, size[0])))
    return tuple(boxes)


def point_passes(size: Size, spec: EverythingSpec) -> Iterator[Sequence[tuple[float, float]]]:
    """Yields the points x, y of the grid on an image of this height and width, as many as one pass takes."""
    places = (np.arange(spec.points_per_side) + 0.5) / spec.points_per_side
    grid = [(float(x * size[1]), float(y * size[0])) for y in places for x in places]
    for start in range(0, len(grid), spec.points_per_pass):
        yield grid[start : start + spec.points_per_pass]


def good_regions(
    mask_logits: Floats,
    iou: Floats,
    points: Sequence[tuple[float, float]],
    geometry: ImageGeometry,
    crop: PixelBox,
    size: Size,
    spec: EverythingSpec,
) -> Iterator[Region]:
    """Picks the masks of a pass that are good enough, few in memory at a time.

    Args:
        mask_logits: (K, M, h, w) float32, the candidates of K points.
        iou: (K, M) float32.
        points: K points in pixels of the crop.
        geometry: Sizes of the crop.
        crop: Where it lies in the image.
        size: Height and width of the image.
        spec: Thresholds.

    Yields:
        Regions in pixels of the image, without those that the crop cuts off, and empty ones.

    Raises:
        InputError: If logits or IoUs are not finite.
    """
    check_finite("mask logits", mask_logits)
    check_finite("predicted IoUs", iou)
    good = np.argwhere(iou > spec.min_iou)
    together = max(1, _MASK_BYTES // (geometry.original_size[0] * geometry.original_size[1]))
    for start in range(0, len(good), together):
        numbers, candidates = good[start : start + together].T
        stability = stability_scores(mask_logits[numbers, candidates], geometry)
        stable = np.flatnonzero(stability >= spec.min_stability)
        if not len(stable):
            continue
        masks = interactive_masks(mask_logits[numbers[stable], candidates[stable]], geometry)
        for place, mask in zip(stable, masks, strict=True):
            packed = RunMask.of(mask).moved(size, *crop[:2])
            if not packed.area or _is_cut_off(packed.box, crop, size):
                continue
            x, y = points[numbers[place]]
            score = float(iou[numbers[place], candidates[place]])
            yield Region(packed, score, float(stability[place]), (x + crop[0], y + crop[1]), crop)


def without_copies(regions: Sequence[Region], spec: EverythingSpec) -> list[Region]:
    """Leaves out regions of one crop whose box is that of another with a higher predicted IoU."""
    scores = np.array([region.predicted_iou for region in regions], np.float32)
    return [regions[place] for place in _distinct(regions, scores, spec.nms_iou)]


def without_coarser(regions: Sequence[Region], spec: EverythingSpec) -> list[Region]:
    """Leaves out regions whose box is that of another, from a smaller crop, which saw it better."""
    areas = np.array([(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (region.crop for region in regions)])
    return [regions[place] for place in _distinct(regions, -areas.astype(np.float32), spec.nms_iou)]


def _is_cut_off(box: PixelBox, crop: PixelBox, size: Size) -> bool:
    """Tells whether a mask ends at an edge of a crop that is no edge of the image."""
    whole = (0, 0, size[1], size[0])
    return any(
        abs(end - edge) <= EDGE_PIXELS and abs(end - border) > EDGE_PIXELS
        for end, edge, border in zip(box, crop, whole, strict=True)
    )


def _distinct(regions: Sequence[Region], scores: Floats, max_iou: float) -> Indices:
    """Goes through regions in falling order of score, and keeps those whose box is no copy of one kept."""
    boxes = np.array([region.mask.box for region in regions], np.float64).reshape(-1, 4)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        ends = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        sides = ends - np.maximum(boxes[best, :2], boxes[waiting, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        waiting = waiting[shared <= max_iou * (areas[best] + areas[waiting] - shared)]
    return np.asarray(kept, np.int64)
