"""Panoptic segmentation from class logits and mask logits.

Follows the panoptic fusion of Mask2Former as mmdet 3.3.0 has it: every pixel goes to the query with
the largest score times mask probability, and a query that keeps too little of its own mask is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.tasks.arrays import Floats, Ids, Indices
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import check_logits, softmax
from rapsam.tasks.mask_fusion import Fusion, fuse_masks

INSTANCE_STEP = 1000
"""A thing has the map value class + 1000 * instance, a stuff class its class, void the class count."""


class SegmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of a panoptic map.

    Attributes:
        id: Its value in the map.
        class_index: Index of its class, 0..K-1.
        is_thing: Whether it is one object (thing) or all of a material (stuff).
        score: Class probability of its query, 0..1.
        area: Pixels at the original size.
        query: Index of its query; stuff painted by several queries names the best one.
    """

    id: int
    class_index: int
    is_thing: bool
    score: float
    area: int
    query: int


class PanopticResult(msgspec.Struct, frozen=True, kw_only=True):
    """A panoptic map and its segments.

    Attributes:
        panoptic_map: (h0, w0) int32 at the original size.
        segments: One entry per value of the map but void, in the order of painting.
        void: Value of the pixels that belong to no segment.
    """

    panoptic_map: Ids
    segments: tuple[SegmentInfo, ...]
    void: int


class _Candidates(NamedTuple):
    """Queries that passed the score threshold, each field one entry per query, in query order."""

    queries: Indices
    classes: Indices
    scores: Floats


def panoptic_segmentation(
    class_logits: Floats,
    mask_logits: Floats,
    geometry: ImageGeometry,
    num_things: int,
    *,
    score_threshold: float = 0.8,
    overlap_threshold: float = 0.8,
) -> PanopticResult:
    """Fuses the queries of one image into a panoptic map.

    Args:
        class_logits: (N, K+1) float32, void last.
        mask_logits: (N, h, w) float32 at any stride of the padded input.
        geometry: Sizes of the image.
        num_things: The first classes that are things.
        score_threshold: A query needs a larger class probability than this.
        overlap_threshold: A query needs to win at least this share of its own mask.

    Returns:
        The map at the original size and its segments.

    Raises:
        InputError: If the logits do not fit each other or are not finite.
    """
    check_logits(class_logits, mask_logits, num_things)
    void = class_logits.shape[1] - 1
    candidates = _select(class_logits, score_threshold)
    if len(candidates.queries) == 0:
        return PanopticResult(
            panoptic_map=np.full(geometry.original_size, void, np.int32), segments=(), void=void
        )
    fusion = fuse_masks(mask_logits[candidates.queries], candidates.scores, geometry)
    values = _map_values(candidates, fusion, num_things, void, overlap_threshold)
    painted = np.where(fusion.confident, values[fusion.winners], np.int32(void))
    areas = np.bincount(fusion.winners[fusion.confident], minlength=len(values))
    segments = _segments(candidates, values, areas, num_things, void)
    return PanopticResult(panoptic_map=painted, segments=segments, void=void)


def _select(class_logits: Floats, score_threshold: float) -> _Candidates:
    probabilities = softmax(class_logits)
    classes, scores = probabilities.argmax(axis=1), probabilities.max(axis=1)
    keep = np.flatnonzero((classes < class_logits.shape[1] - 1) & (scores > score_threshold))
    return _Candidates(keep, classes[keep], scores[keep])


def _map_values(
    candidates: _Candidates, fusion: Fusion, num_things: int, void: int, overlap_threshold: float
) -> Ids:
    """Returns the map value of every candidate: void for one that lost too much of its own mask."""
    values = np.full(len(candidates.classes), void, np.int32)
    instances = 0
    for candidate, label in enumerate(candidates.classes):
        won, own = int(fusion.won[candidate]), int(fusion.own[candidate])
        if won == 0 or own == 0 or won / own < overlap_threshold:
            continue
        values[candidate] = label
        if label < num_things:
            instances += 1
            values[candidate] += instances * INSTANCE_STEP
    return values


def _segments(
    candidates: _Candidates, values: Ids, areas: Indices, num_things: int, void: int
) -> tuple[SegmentInfo, ...]:
    segments: dict[int, SegmentInfo] = {}
    for candidate in np.flatnonzero((values != void) & (areas > 0)):
        value, label = int(values[candidate]), int(candidates.classes[candidate])
        found = SegmentInfo(
            id=value,
            class_index=label,
            is_thing=label < num_things,
            score=float(candidates.scores[candidate]),
            area=int(areas[candidate]),
            query=int(candidates.queries[candidate]),
        )
        segments[value] = _merged(segments[value], found) if value in segments else found
    return tuple(segments.values())


def _merged(first: SegmentInfo, second: SegmentInfo) -> SegmentInfo:
    best = first if first.score >= second.score else second
    return msgspec.structs.replace(best, area=first.area + second.area)
