"""In which order a network puts the candidate masks of a prompt: by that an app shows one of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rapsam.export.parity.decisions import at_risk
from rapsam.export.parity.report import Status
from rapsam.tasks.arrays import Floats

MIN_ORDER_AGREEMENT = 0.95
"""Share of the pairs of candidates, of those whose order is clear, that must be in the reference's order."""


def order_distances(iou: Floats) -> npt.NDArray[np.float64]:
    """Says how far the predicted IoU of one candidate is above another's.

    Args:
        iou: (K, M) predicted IoU of K prompts.

    Returns:
        (K, M (M - 1) / 2), each pair of candidates once.
    """
    exact = iou.astype(np.float64)
    pairs = list(itertools.combinations(range(iou.shape[1]), 2))
    found = [exact[:, one] - exact[:, other] for one, other in pairs]
    return np.stack(found, axis=-1) if found else np.zeros((len(iou), 0))


def judge_order(iou: Floats, reference: Floats, rounded: Sequence[Floats]) -> tuple[Status, str]:
    """Judges the order of candidates where rounding does not decide it.

    Args:
        iou: (K, M) of the artifact.
        reference: (K, M) of the network.
        rounded: (K, M) of every rounded run of the network.

    Returns:
        Status and the reason.
    """
    if reference.shape[1] == 1:
        return "passed", ""
    ours, wanted, *runs = (order_distances(each) for each in (iou, reference, *rounded))
    clear = ~at_risk(wanted, runs)
    wrong = int(((ours > 0) != (wanted > 0))[clear].sum())
    if not wrong or 1 - wrong / clear.sum() >= MIN_ORDER_AGREEMENT:
        return "passed", ""
    return "failed", f"{wrong} of {int(clear.sum())} pairs of candidates with a clear order have the other"
