"""Instance segmentation from class logits and mask logits, as mmdet 3.3.0 does it for Mask2Former."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.tasks.arrays import Floats, Indices, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import check_logits, sigmoid, softmax
from rapsam.tasks.resize import to_original

TOP_K = 100
"""Pairs of query and class that the original keeps per image."""


class InstanceResult(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of one image or frame, each field one entry per instance.

    A query may appear several times with different classes.

    Attributes:
        scores: (n,) float32, class probability times mean mask probability, 0..1.
        labels: (n,) int64 class indices.
        boxes: (n, 4) float32 x1, y1, x2, y2 in pixels of the original image, x2 and y2 exclusive;
            zeros where the mask is empty.
        masks: (n, h0, w0) bool at the original size.
        queries: (n,) int64.
    """

    scores: Floats
    labels: Indices
    boxes: Floats
    masks: Masks
    queries: Indices


class RankedPairs(NamedTuple):
    """Pairs of query and thing class in falling order of class probability.

    Attributes:
        queries: (n,) int64.
        labels: (n,) int64.
        probabilities: (n,) float32 class probability.
    """

    queries: Indices
    labels: Indices
    probabilities: Floats


def instance_segmentation(
    class_logits: Floats,
    mask_logits: Floats,
    geometry: ImageGeometry,
    num_things: int,
    *,
    top_k: int = TOP_K,
    min_score: float = 0.0,
) -> InstanceResult:
    """Finds the instances of one image.

    Args:
        class_logits: (N, K+1) float32, void last.
        mask_logits: (N, h, w) float32 at any stride of the padded input.
        geometry: Sizes of the image.
        num_things: The first classes that are things; stuff classes are dropped after the top k.
        top_k: Pairs of query and class to keep.
        min_score: Instances below are left out; a higher value saves the time and the memory of masks
            that nobody will look at.

    Returns:
        Instances in falling order of score.

    Raises:
        InputError: If the logits do not fit each other or are not finite.
    """
    check_logits(class_logits, mask_logits, num_things)
    pairs = rank_pairs(class_logits, num_things, top_k)
    result = masked_instances(pairs, mask_logits, geometry, min_score)
    order = np.lexsort((result.labels, -result.scores))
    return take_instances(result, order)


def rank_pairs(class_logits: Floats, num_things: int, top_k: int = TOP_K) -> RankedPairs:
    """Picks the most probable pairs of query and class, then drops those of stuff classes.

    The softmax runs over all classes and void. Equal probabilities keep the order of the queries.
    """
    probabilities = softmax(class_logits)[:, :-1]
    num_classes = probabilities.shape[1]
    top = np.argsort(-probabilities, axis=None, kind="stable")[:top_k]
    things = top[top % num_classes < num_things]
    return RankedPairs(things // num_classes, things % num_classes, probabilities.ravel()[things])


def masked_instances(
    pairs: RankedPairs, mask_logits: Floats, geometry: ImageGeometry, min_score: float = 0.0
) -> InstanceResult:
    """Adds to every pair its mask, its box and its score; each query is enlarged once.

    Args:
        pairs: What to look for.
        mask_logits: (N, h, w) float32.
        geometry: Sizes of the image.
        min_score: Pairs below are left out. As the mask can only lower a class probability, a pair
            whose class probability is below is not enlarged at all.

    Returns:
        Instances in the order of the pairs.
    """
    hopeful = np.flatnonzero(pairs.probabilities >= min_score)
    queries, places = np.unique(pairs.queries[hopeful], return_inverse=True)
    masks = np.empty((len(hopeful), *geometry.original_size), np.bool_)
    boxes = np.empty((len(hopeful), 4), np.float32)
    scores = np.empty(len(hopeful), np.float32)
    for place, query in enumerate(queries):
        entries = np.flatnonzero(places == place)
        logits = to_original(mask_logits[query : query + 1], geometry)[0]
        mask = logits > 0
        masks[entries], boxes[entries] = mask, tight_box(mask)
        scores[entries] = pairs.probabilities[hopeful[entries]] * _mean_probability(logits[mask])
    found = InstanceResult(
        scores=scores,
        labels=pairs.labels[hopeful],
        boxes=boxes,
        masks=masks,
        queries=pairs.queries[hopeful],
    )
    return found if min_score <= 0 else take_instances(found, np.flatnonzero(scores >= min_score))


def take_instances(result: InstanceResult, entries: Indices) -> InstanceResult:
    """Returns the instances at these positions, in this order."""
    return InstanceResult(
        scores=result.scores[entries],
        labels=result.labels[entries],
        boxes=result.boxes[entries],
        masks=result.masks[entries],
        queries=result.queries[entries],
    )


def tight_box(mask: Masks) -> Floats:
    """Finds the box around a mask: x1, y1, x2, y2 with exclusive ends, zeros for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def _mean_probability(logits_inside: Floats) -> np.float32:
    total = sigmoid(logits_inside).sum(dtype=np.float32)
    return np.float32(total / (np.float32(logits_inside.size) + np.float32(1e-6)))
