"""Comparing one output tensor with its reference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rapsam.export.backends.recipes import Gates
from rapsam.export.parity.report import Status
from rapsam.metrics.tensor_error import TensorFigures, compare_tensors
from rapsam.tasks.arrays import Floats

EXCUSED_DB = 6.0
"""A faithful artifact has at most twice the error of the worst rounded run."""
MIN_MEANING_DB = 9.0
"""A result of zeros has 0 dB: a reference whose rounding leaves less than this cannot tell them apart."""


def judge_tensor(result: Floats, reference: Floats, gates: Gates) -> tuple[TensorFigures | None, str]:
    """Measures an output and says why it is refused; no figures where nothing can be measured.

    Returns:
        Figures or None, and the reason; empty if the output is good.
    """
    if result.shape != reference.shape:
        return None, f"shape {list(result.shape)}, expected {list(reference.shape)}"
    for what, array in (("values", result), ("reference values", reference)):
        broken = int(np.count_nonzero(~np.isfinite(array)))
        if broken:
            return None, f"{broken:,} of {array.size:,} {what} are NaN or infinite"
    figures = compare_tensors(result, reference)
    if gates.min_cosine is not None and not figures.cosine >= gates.min_cosine:
        return figures, f"cosine {figures.cosine:.6f}, gate {gates.min_cosine}"
    if figures.sqnr_db is not None and not figures.sqnr_db >= gates.min_sqnr_db:
        return figures, f"SQNR {figures.sqnr_db:.1f} dB, gate {gates.min_sqnr_db}"
    return figures, ""


def excuse_tensor(
    figures: TensorFigures | None, reason: str, rounding_db: Sequence[float]
) -> tuple[Status, str]:
    """Judges an output that misses a gate by what rounding alone does to the reference.

    Args:
        figures: Of the output, if it could be measured.
        reason: Why a gate is missed; empty if none is.
        rounding_db: SQNR of the rounded runs of the reference.

    Returns:
        Verdict and reason.
    """
    if not reason:
        return "passed", ""
    worst = min(rounding_db, default=math.inf)
    if figures is None or figures.sqnr_db is None or not figures.sqnr_db >= worst - EXCUSED_DB:
        return "failed", reason
    own = f"rounding alone leaves the reference {worst:.1f} dB"
    if worst < MIN_MEANING_DB:
        return "not meaningful", f"{reason}, but {own}"
    return "benign", f"{reason}, but {own}"
