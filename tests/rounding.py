"""How near a rewrite must come to what it replaces: within the rounding of the numbers it computes with."""

from __future__ import annotations

import torch
from torch import Tensor

# Largest difference, as a share of the largest value (of 1, if all are smaller).
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-5}


def assert_same(result: Tensor, expected: Tensor) -> None:
    """Compares what was rewritten with what it replaces, in the dtype that both have."""
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    allowed = TOLERANCES[expected.dtype] * max(1.0, float(expected.abs().max()))
    error = float((result - expected).abs().max())
    assert error <= allowed, f"{error:.2e} > {allowed:.2e}"
