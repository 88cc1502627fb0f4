"""Networks with formula weights, and the comparison rule of the golden files."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

import rapsam
from rapsam.models.rapsam.model import RapSam


@cache
def golden_model(name: str, vocabulary: str = "coco_panoptic") -> RapSam:
    return rapsam.build_model(name, checkpoint="formula", classifier=vocabulary)


def assert_close(what: str, result: npt.ArrayLike, golden: npt.NDArray[np.generic], tolerance: float) -> None:
    """The rule of the reference: everything within the tolerance, 99 % of it ten times closer."""
    error = np.abs(np.asarray(result, np.float64) - golden)
    assert error.shape == golden.shape, what
    assert error.max() <= tolerance, f"{what}: {error.max():.2e} > {tolerance}"
    assert np.quantile(error, 0.99) <= tolerance / 10, f"{what}: 99 % within {np.quantile(error, 0.99):.2e}"
