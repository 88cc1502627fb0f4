"""Which decisions the reference hardly makes: where a faithful artifact may decide otherwise.

A decision is the sign of a distance: a mask logit above 0, a class above the next one, a score above its
threshold. Its noise is how far that distance moves when the reference is rounded at random (root mean square
over the runs; over all pixels of a query for its mask logits, because one flipped pixel of a hard mask inside
the network moves a query as a whole). A decision is at risk if the reference's own distance is within
`MARGIN` times the noise, or if a rounded run decides otherwise. A flip of a decision at risk is benign, any
other flip is an error.

Decisions:
    mask pixel: inside or outside, all queries.
    kept pixel: the same for the queries that take part in the panoptic fusion.
    class: the largest class logit of a query.
    score: whether the class probability of a query exceeds the panoptic threshold, void queries aside.
    overlap: whether a query of the fusion wins enough of its own mask, counted at the masks' resolution.
    top k: whether a pair of query and class is among the candidates of instances.
    prompt pixel: inside or outside, prompted masks.
    candidate order: which of two candidate masks of a prompt has the higher predicted IoU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.tasks.arrays import Floats, Indices, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import sigmoid, softmax
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.tracker import Clip

MARGIN = 3.0
"""Distances within this many times the noise are at risk.

If errors are normal, one is larger once in 370 where the noise is well known, as over all pixels of a mask.
The noise of a single number, such as a score, is known from four runs only: there an error is larger once in
25 (Student's t with 4 degrees of freedom).
"""

Distances = dict[str, npt.NDArray[np.float64]]


class Margins(NamedTuple):
    """The decisions of the reference on one input.

    Attributes:
        distances: Kind of decision to signed distances, positive where the answer is yes.
        at_risk: Kind of decision to bool, the same shapes.
    """

    distances: Distances
    at_risk: dict[str, Masks]


class FlipCounts(NamedTuple):
    """Decisions of one kind: all, at risk, flipped, and flipped among those at risk."""

    total: int
    at_risk: int
    flips: int
    benign: int


def at_risk(reference: npt.ArrayLike, rounded: Sequence[npt.ArrayLike]) -> Masks:
    """Finds the decisions that rounding may change.

    Args:
        reference: Signed distances, one per decision; (N, h, w) are the mask logits of N queries.
        rounded: The same for every rounded run.

    Returns:
        bool in the shape of the distances.
    """
    exact = np.asarray(reference, np.float64)
    runs = [np.asarray(run, np.float64) for run in rounded]
    power = sum(((run - exact) ** 2 for run in runs), np.zeros_like(exact)) / max(1, len(runs))
    if exact.ndim == 3:
        power = power.mean(axis=(1, 2), keepdims=True)
    risky = np.asarray(np.abs(exact) <= MARGIN * np.sqrt(power), np.bool_)
    for run in runs:
        risky |= (run > 0) != (exact > 0)
    return risky


def measure_margins(reference: Distances, rounded: Sequence[Distances]) -> Margins:
    """Finds the decisions at risk of every kind."""
    risks = {kind: at_risk(exact, [run[kind] for run in rounded]) for kind, exact in reference.items()}
    return Margins(reference, risks)


def count_flips(result: Distances, margins: Margins) -> dict[str, FlipCounts]:
    """Compares the decisions of an artifact with those of the reference, by kind."""
    counts = {}
    for kind, exact in margins.distances.items():
        flips, risky = (result[kind] > 0) != (exact > 0), margins.at_risk[kind]
        counts[kind] = FlipCounts(exact.size, int(risky.sum()), int(flips.sum()), int((flips & risky).sum()))
    return counts


def object_distances(
    clip: Clip, reference: Clip, geometry: ImageGeometry, postprocess: PostprocessSpec
) -> Distances:
    """Measures the decisions about objects in one frame.

    Args:
        clip: Of the artifact, of a rounded run, or of the reference itself.
        reference: Says which classes and queries the decisions are about.
        geometry: Sizes of the image; decisions in the padding do not count.
        postprocess: Thresholds in use.
    """
    masks = content(clip.mask_logits[:, 0], geometry).astype(np.float64)
    _, kept = panoptic_candidates(reference, postprocess.score_threshold)
    classes = reference.class_logits.argmax(axis=-1)
    probabilities = softmax(clip.class_logits).astype(np.float64)
    own = probabilities[np.arange(len(classes)), classes]
    named = np.flatnonzero(classes < clip.class_logits.shape[1] - 1)
    return {
        "mask pixel": masks,
        "kept pixel": masks[kept],
        "class": class_gaps(clip.class_logits, classes),
        "score": own[named] - postprocess.score_threshold,
        "overlap": _overlaps(masks[kept], own[kept]) - postprocess.overlap_threshold,
        "top k": _above_last(probabilities[:, :-1].ravel(), postprocess.top_k),
    }


def panoptic_candidates(clip: Clip, score_threshold: float) -> tuple[Floats, Indices]:
    """Returns the largest class probability of every query (N,), and the queries that enter the fusion."""
    probabilities = softmax(clip.class_logits)
    classes, scores = probabilities.argmax(axis=1), probabilities.max(axis=1)
    named = classes < probabilities.shape[1] - 1
    return scores, np.flatnonzero(named & (scores > score_threshold))


def content(mask_logits: Floats, geometry: ImageGeometry) -> Floats:
    """Cuts the padding off mask logits (..., h, w)."""
    sides = [
        -(-inside * side // padded)
        for inside, padded, side in zip(
            geometry.content_size, geometry.padded_size, mask_logits.shape[-2:], strict=True
        )
    ]
    return mask_logits[..., : sides[0], : sides[1]]


def undecided_queries(reference: Clip, margins: Margins, score_threshold: float) -> Masks:
    """Finds the queries (N,) of which it is open whether, or as what, they enter the panoptic map."""
    scores, kept = panoptic_candidates(reference, score_threshold)
    classes = reference.class_logits.argmax(axis=-1)
    named = np.flatnonzero(classes < reference.class_logits.shape[1] - 1)
    undecided = margins.at_risk["class"] & (scores > score_threshold)
    undecided[named] |= margins.at_risk["score"]
    undecided[kept] |= margins.at_risk["overlap"]
    return np.asarray(undecided, np.bool_)


def class_gaps(class_logits: Floats, classes: Indices) -> npt.NDArray[np.float64]:
    """How far the logit of the given class (N,) is above the largest other one."""
    logits = class_logits.astype(np.float64)
    rows = np.arange(len(classes))
    own = logits[rows, classes].copy()
    logits[rows, classes] = -np.inf
    return np.asarray(own - logits.max(axis=1), np.float64)


def _overlaps(masks: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of its own mask (n, h, w) that every candidate wins; 0 for an empty mask."""
    if len(masks) == 0:
        return np.zeros(0)
    winners = (scores[:, None, None] * sigmoid(masks.astype(np.float32))).argmax(axis=0)
    won = np.bincount(winners.ravel(), minlength=len(masks))
    return np.asarray(won / np.maximum((masks > 0).sum(axis=(1, 2)), 1), np.float64)


def _above_last(probabilities: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """How far every value is above the middle between the last that is taken and the first that is not."""
    if len(probabilities) <= count:
        return probabilities + 1.0
    ranked = np.sort(probabilities)
    return np.asarray(probabilities - (ranked[-count] + ranked[-count - 1]) / 2, np.float64)
