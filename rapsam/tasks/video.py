"""Video instance segmentation: from associated clips to tracks, frame by frame.

Cutting a video into clips is in `clips`, the association of their queries in `tracker`.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from rapsam.tasks.arrays import Floats, Indices
from rapsam.tasks.clips import clip_ends, clip_length
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.instances import TOP_K, InstanceResult, masked_instances, rank_pairs, take_instances
from rapsam.tasks.logits import check_logits
from rapsam.tasks.tracker import AssociatedClip, Clip, NearOnlineTracker, match_queries, merge_clips

__all__ = [
    "AssociatedClip",
    "Clip",
    "NearOnlineTracker",
    "TrackNumbers",
    "TrackedFrame",
    "clip_ends",
    "clip_length",
    "match_queries",
    "merge_clips",
    "video_instances",
]


class TrackedFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of one frame, and which object each one is.

    Attributes:
        instances: In falling order of this frame's score.
        track_ids: (n,) int64 from 1; an object keeps its number through all frames.
    """

    instances: InstanceResult
    track_ids: Indices


class TrackNumbers:
    """Numbers every pair of query and class, in the order of first appearance."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}

    def of(self, queries: Indices, labels: Indices) -> Indices:
        """Returns (n,) int64 numbers from 1 to (n,) pairs; on the first call they are position + 1."""
        pairs = zip(queries.tolist(), labels.tolist(), strict=True)
        numbers = [self._numbers.setdefault(pair, len(self._numbers) + 1) for pair in pairs]
        return np.array(numbers, np.int64)


def video_instances(
    class_logits: Floats,
    mask_logits: Floats,
    geometry: ImageGeometry,
    num_things: int,
    *,
    top_k: int = TOP_K,
    min_score: float = 0.0,
    numbers: TrackNumbers | None = None,
) -> Iterator[TrackedFrame]:
    """Finds the instances of every frame of a video or of an associated clip.

    As all frames share the class logits, they share the ranking of pairs of query and class, and a
    track's id is its rank + 1. The score of a frame is class probability times the mean mask
    probability in that frame.

    Args:
        class_logits: (N, K+1) float32.
        mask_logits: (N, T, h, w) float32.
        geometry: Sizes of a frame.
        num_things: The first classes that are things.
        top_k: Pairs of query and class to keep.
        min_score: Instances of a frame below are left out of that frame.
        numbers: When clips come one by one: the same object for each of them, so that a track keeps
            its id although the ranking changes.

    Yields:
        One `TrackedFrame` per frame.

    Raises:
        InputError: If the logits do not fit each other or are not finite.
    """
    check_logits(class_logits, mask_logits, num_things, mask_axes=4)
    pairs = rank_pairs(class_logits, num_things, top_k)
    numbers = numbers or TrackNumbers()
    numbers.of(pairs.queries, pairs.labels)
    for frame in range(mask_logits.shape[1]):
        found = masked_instances(pairs, mask_logits[:, frame], geometry, min_score)
        found = take_instances(found, np.lexsort((found.labels, -found.scores)))
        yield TrackedFrame(instances=found, track_ids=numbers.of(found.queries, found.labels))
