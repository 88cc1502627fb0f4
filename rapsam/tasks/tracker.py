"""Near-online association: the queries of clip after clip in one order.

The scheme of MinVIS as the original uses it: each clip's queries are put into the order of the clip
before by the similarity of their embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Indices
from rapsam.tasks.logits import check_finite, check_logits


class Clip(NamedTuple):
    """What the network says about one clip.

    Attributes:
        class_logits: (N, K+1) float32, one per query for all frames of the clip.
        queries: (N, C) float32 final query embeddings.
        mask_logits: (N, T, h, w) float32.
    """

    class_logits: Floats
    queries: Floats
    mask_logits: Floats


class AssociatedClip(NamedTuple):
    """A clip whose queries are in the order of the first clip.

    Attributes:
        class_logits: (N, K+1) float32, mean of this clip and all before.
        queries: (N, C) float32.
        mask_logits: (N, T, h, w) float32.
        order: (N,) int64; place i holds the clip's own query `order[i]`.
    """

    class_logits: Floats
    queries: Floats
    mask_logits: Floats
    order: Indices


def match_queries(previous: Floats, current: Floats) -> Indices:
    """Finds which current query continues which previous one: Hungarian matching of 1 - cosine.

    Args:
        previous: (N, C) float32.
        current: (N, C) float32.

    Returns:
        (N,) int64; `current[result]` is in the order of `previous`.

    Raises:
        InputError: If the shapes differ or a value is not finite.
    """
    if previous.ndim != 2 or previous.shape != current.shape:
        raise InputError(
            f"queries have the shapes {list(previous.shape)} and {list(current.shape)}; "
            "expected (queries, channels) twice, from the same model"
        )
    check_finite("queries", previous)
    check_finite("queries", current)
    cost = 1 - _unit(previous) @ _unit(current).T
    return np.asarray(linear_sum_assignment(cost)[1], np.int64)


class NearOnlineTracker:
    """Puts the queries of clip after clip into one order, with memory for a single clip's queries.

    While a video runs, only the class logits seen so far can be averaged. So the classes and scores of
    early clips differ from those of `merge_clips`, which judges every frame by the mean over the
    whole video; the running mean after the last clip equals that mean. Order and masks are the same.
    """

    def __init__(self) -> None:
        self._queries: Floats | None = None
        self._sum = np.zeros((0, 0))
        self._clips = 0

    def update(self, class_logits: Floats, queries: Floats, mask_logits: Floats) -> AssociatedClip:
        """Takes the next clip.

        Args:
            class_logits: (N, K+1) float32.
            queries: (N, C) float32 final query embeddings.
            mask_logits: (N, T, h, w) float32.

        Returns:
            The clip in the order of the first one, with the running mean of the class logits.

        Raises:
            InputError: If the arrays do not fit each other or the clips before, or are not finite.
        """
        check_logits(class_logits, mask_logits, 0, mask_axes=4)
        if len(queries) != len(class_logits) or (self._clips and class_logits.shape != self._sum.shape):
            raise InputError(
                f"class logits have the shape {list(class_logits.shape)} beside {len(queries)} queries; "
                "expected the same queries and classes in every output and clip"
            )
        # Also of the first clip: kept, it would be what all later ones are refused for.
        check_finite("queries", queries)
        previous = queries if self._queries is None else self._queries
        order = match_queries(previous, queries) if self._clips else np.arange(len(queries))
        self._queries = queries[order]
        ordered = class_logits[order].astype(np.float64)
        self._sum = self._sum + ordered if self._clips else ordered
        self._clips += 1
        mean = (self._sum / self._clips).astype(np.float32)
        return AssociatedClip(mean, self._queries, mask_logits[order], order)


def merge_clips(clips: Sequence[Clip], overlap: int = 0) -> tuple[Floats, Floats]:
    """Joins the clips of a whole video as the original does.

    Args:
        clips: In the order of time.
        overlap: Frames that a clip shares with the one before; its own view of them is dropped.

    Returns:
        (N, K+1) class logits, the mean over all clips, and (N, frames, h, w) mask logits, both in the
        query order of the first clip.

    Raises:
        InputError: If there is no clip, or the clips do not fit each other.
    """
    if not clips:
        raise InputError("no clips to merge; expected at least one")
    tracker = NearOnlineTracker()
    associated = [tracker.update(*clip) for clip in clips]
    parts = [clip.mask_logits[:, overlap if place else 0 :] for place, clip in enumerate(associated)]
    return associated[-1].class_logits, np.concatenate(parts, axis=1)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
