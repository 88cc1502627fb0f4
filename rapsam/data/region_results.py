"""Results of looking for everything in an image as JSON records with COCO run lengths."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapsam.data.coco import as_xywh
from rapsam.data.coco_records import Box
from rapsam.data.prompt_results import MaskRecord, mask_fields
from rapsam.tasks.everything import Region


class RegionRecord(MaskRecord, frozen=True, kw_only=True):
    """A region.

    Attributes:
        predicted_iou: What the network thinks of its mask, raw.
        stability: How little the mask changes when its threshold moves, 0..1.
        point: x, y that asked for it, in pixels.
        crop: Part of the image in which it was found: x, y, width, height.
    """

    predicted_iou: float
    stability: float
    point: tuple[float, float]
    crop: Box


class RegionsFile(msgspec.Struct, frozen=True, kw_only=True):
    """Regions of one image, in falling order of predicted IoU."""

    file_name: str
    height: int
    width: int
    regions: tuple[RegionRecord, ...]


def region_records(regions: Sequence[Region]) -> tuple[RegionRecord, ...]:
    """Makes the records of regions, one mask in memory at a time."""
    return tuple(
        RegionRecord(
            **mask_fields(region.mask.mask()),
            predicted_iou=region.predicted_iou,
            stability=region.stability,
            point=region.point,
            crop=as_xywh(list(region.crop)),
        )
        for region in regions
    )
