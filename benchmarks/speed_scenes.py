"""Logits of a crowded picture, for timing the panoptic fusion at its hardest."""

from __future__ import annotations

import numpy as np

from rapsam.tasks.arrays import Floats

_SURE = 10.0
_SLOPE = 0.5
_LARGEST = 12.0
_NOISE = 0.3


def crowd(
    num_objects: int, num_queries: int, num_classes: int, shape: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Makes logits in which objects share out the whole picture.

    Every pixel belongs to the object with the nearest centre. Its logit falls by half a unit per pixel of the
    mask to 0 at the border, with noise, as soft as masks of a network. All other queries are void.

    Args:
        num_objects: Queries that are sure of a class, at least 2.
        num_queries: All queries, at least as many.
        num_classes: Classes without void.
        shape: Height and width of the mask logits.

    Returns:
        Class logits (num_queries, num_classes + 1) and mask logits (num_queries, h, w), float32.
    """
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(num_queries, num_objects, replace=False))
    class_logits = np.zeros((num_queries, num_classes + 1), np.float32)
    class_logits[:, num_classes] = _SURE
    class_logits[chosen, num_classes] = 0
    class_logits[chosen, rng.integers(num_classes, size=num_objects)] = _SURE
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = rng.uniform((0, 0), shape, (num_queries, 2))
    distances = np.stack([np.hypot(y - centre_y, x - centre_x) for centre_y, centre_x in centres])
    mask_logits = -distances
    for query in chosen:
        others = distances[chosen[chosen != query]].min(axis=0)
        mask_logits[query] = others - distances[query]
    mask_logits = np.clip(mask_logits * _SLOPE, -_LARGEST, _LARGEST)
    mask_logits += rng.normal(0, _NOISE, mask_logits.shape)
    return class_logits, mask_logits.astype(np.float32)
