"""Fusing masks: which of several masks each pixel of the original image goes to.

Only masks that may matter to a tile are enlarged there. Enlarging is linear with weights that are not
negative and sum to 1, so within a tile a mask stays between the smallest and the largest of its logits that
the tile reads. A mask that can neither win a pixel nor cover one by itself between these bounds is left out,
and the outcome is the same as if all masks had been enlarged everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rapsam.tasks.arrays import Floats, Ids, Indices, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.resize import original_tiles

COVERED = 0.5
"""A mask covers the pixels where its probability is at least this."""
# The bounds hold up to rounding of some 1e-6; a mask that is let in for nothing costs time only.
_SLACK = np.float32(1e-4)


class Fusion(NamedTuple):
    """Outcome of the fusion of N masks.

    Attributes:
        winners: (h0, w0) index of the mask with the largest score times probability; the first of equals.
        confident: (h0, w0) whether the winner covers the pixel.
        won: (N,) pixels won.
        own: (N,) pixels covered, won or not.
    """

    winners: Ids
    confident: Masks
    won: Indices
    own: Indices


def fuse_masks(mask_logits: Floats, scores: Floats, geometry: ImageGeometry) -> Fusion:
    """Assigns every pixel of the original image to one of the masks.

    Args:
        mask_logits: (N, h, w) float32 at any stride of the padded input, N at least 1.
        scores: (N,) float32, positive.
        geometry: Sizes of the image.
    """
    winners = np.empty(geometry.original_size, np.int32)
    confident = np.empty(geometry.original_size, np.bool_)
    won, own = np.zeros((2, len(scores)), np.int64)
    for tile in original_tiles(mask_logits.shape[-2:], geometry):
        source = tile.source_of(mask_logits)
        masks = _masks_that_matter(source, scores)
        inverse = _inverse_probabilities(tile.enlarged(-source[masks]))
        covered = inverse <= 1 / COVERED
        best = _first_of_largest(np.divide(scores[masks, None, None], inverse, out=inverse))
        winners[tile.place] = masks[best]
        confident[tile.place] = np.take_along_axis(covered, best[None], axis=0)[0]
        won[masks] += np.bincount(best.ravel(), minlength=len(masks))
        own[masks] += np.count_nonzero(covered.reshape(len(masks), -1), axis=1)
    return Fusion(winners, confident, won, own)


def _masks_that_matter(source: Floats, scores: Floats) -> Indices:
    values = source.reshape(len(source), -1)
    highest, lowest = (1 / _inverse_probabilities(-v) for v in (values.max(axis=1), values.min(axis=1)))
    may_win = scores * highest >= (scores * lowest).max() * (1 - _SLACK)
    may_cover = highest >= COVERED - _SLACK
    return np.flatnonzero(may_win | may_cover)


def _inverse_probabilities(negative_logits: Floats) -> Floats:
    """Computes 1 + exp(-logit) in the memory of its argument; infinity stands for a probability of 0."""
    with np.errstate(over="ignore"):
        inverse = np.exp(negative_logits, out=negative_logits)
    inverse += 1
    return inverse


def _first_of_largest(values: Floats) -> Indices:
    """Does what argmax over the first axis does; NumPy is slow at that for any axis but the last."""
    count = len(values)
    ranks = np.arange(count, 0, -1, dtype=np.uint16)[:, None, None]
    highest_rank = ((values == values.max(axis=0)) * ranks).max(axis=0)
    return np.asarray(count - highest_rank.astype(np.int64), np.int64)
