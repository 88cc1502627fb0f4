"""How far a tensor is from its reference."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rapsam.tasks.arrays import Floats


class TensorFigures(NamedTuple):
    """How far a tensor is from its reference.

    Attributes:
        max_abs: Largest absolute difference.
        cosine: Cosine similarity of the flattened tensors; 1 if both are zero.
        sqnr_db: 10 log10(sum ref^2 / sum err^2); None without any error.
    """

    max_abs: float
    cosine: float
    sqnr_db: float | None


def compare_tensors(result: Floats, reference: Floats) -> TensorFigures:
    """Measures the distance of two finite tensors of the same shape, in float64."""
    a, b = result.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    error = a - b
    norms = math.sqrt(float(a @ a) * float(b @ b))
    equal = not error.any()
    cosine = 1.0 if equal else float(a @ b) / norms if norms else 0.0
    noise, signal = float(error @ error), float(b @ b)
    sqnr = None if equal else 10 * math.log10(signal / noise) if signal else -math.inf
    return TensorFigures(float(np.abs(error).max(initial=0.0)), cosine, sqnr)
