"""Collapse: one class everywhere, or masks of quite another size, whatever the tensors look like.

Three distributions are compared with the reference, each by its total variation distance (half the sum of the
absolute differences: the share that would have to move). None of them hangs on a threshold of the tasks, so
they also judge networks that are sure of nothing.

Histograms:
    query classes: share of the queries per class, void included.
    pixel classes: share of the pixels per class, each pixel going to the query, and each query to the
        class but void, that have the largest class probability times mask probability.
    mask areas: share of the queries per area of their mask, in bins by factors of 4, empty ones apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rapsam.export.parity.decisions import content
from rapsam.export.parity.report import HistogramParity, Status
from rapsam.export.parity.tasks import TaskContext, not_finite
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import sigmoid, softmax
from rapsam.tasks.tracker import Clip

MAX_SHIFT = {"query classes": 0.25, "pixel classes": 0.5, "mask areas": 0.25}
"""Share that may move. A collapse moves nearly everything; one query that changes the class of a wide
background moves many pixels, but a single query."""
EXCUSED_SHIFT = 0.1
"""What the shift may exceed that of the rounded reference by, where that is beyond the gate itself."""
AREA_BINS = 7

Shares = npt.NDArray[np.float64]


def compare_histograms(
    result: Clip, reference: Clip, context: TaskContext, rounded: Sequence[Clip] = ()
) -> list[HistogramParity]:
    """Compares all histograms of one frame; nothing where the result has NaN, which other rows report."""
    if not_finite(result.class_logits, result.mask_logits):
        return []
    exact, ours, *runs = (histograms(clip, context.geometry) for clip in (reference, result, *rounded))
    rows = []
    for name, shares in exact.items():
        shift = total_variation(ours[name], shares)
        own = max((total_variation(run[name], shares) for run in runs), default=0.0)
        status, reason = _judge(shift, own, MAX_SHIFT[name])
        rows.append(
            HistogramParity(
                runtime=context.runtime,
                provenance=context.provenance,
                case=context.case,
                histogram=name,
                status=status,
                shift=shift,
                rounded_shift=own,
                reason=reason,
            )
        )
    return rows


def histograms(clip: Clip, geometry: ImageGeometry) -> dict[str, Shares]:
    """Computes all histograms of one frame, each summing to 1."""
    masks = content(clip.mask_logits[:, 0], geometry)
    probabilities = softmax(clip.class_logits)
    num_classes = probabilities.shape[1] - 1
    named = probabilities[:, :-1]
    winners = (named.max(axis=1)[:, None, None] * sigmoid(masks)).argmax(axis=0)
    return {
        "query classes": _shares(probabilities.argmax(axis=1), num_classes + 1),
        "pixel classes": _shares(named.argmax(axis=1)[winners], num_classes),
        "mask areas": _shares(_area_bins((masks > 0).mean(axis=(1, 2))), AREA_BINS + 1),
    }


def total_variation(one: Shares, other: Shares) -> float:
    """Half the sum of the absolute differences of two distributions, 0..1."""
    return float(np.abs(one - other).sum() / 2)


def _judge(shift: float, own: float, gate: float) -> tuple[Status, str]:
    if shift <= gate:
        return "passed", ""
    reason = f"{shift:.0%} of the distribution moved, gate {gate:.0%}"
    if own > gate and shift <= own + EXCUSED_SHIFT:
        return "benign", f"{reason}, but rounding at random moves {own:.0%} in the reference"
    return "failed", f"collapsed: {reason}"


def _area_bins(areas: Shares) -> npt.NDArray[np.int64]:
    """0 for an empty mask, then by factors of 4 up to `AREA_BINS` for a quarter of the image or more."""
    bins = AREA_BINS + np.floor(np.log(np.maximum(areas, 1e-12)) / np.log(4) + 1e-9).astype(np.int64) + 1
    return np.where(areas > 0, np.clip(bins, 1, AREA_BINS), 0)


def _shares(values: npt.NDArray[np.int64], bins: int) -> Shares:
    return np.bincount(values.ravel(), minlength=bins) / values.size
