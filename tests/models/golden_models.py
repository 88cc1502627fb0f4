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


def assert_close_rows(
    what: str,
    result: npt.ArrayLike,
    golden: npt.NDArray[np.generic],
    tolerance: float,
    moved: npt.NDArray[np.bool_],
) -> None:
    """`assert_close` for queries, ten times wider for those that a flipped pixel has moved.

    Processors round differently; where a logit within rounding of zero changes its sign, the hard mask of
    its query has another sum from then on.
    """
    values = np.asarray(result)
    assert len(values) == len(golden) == len(moved), what
    assert_close(what, values[~moved], golden[~moved], tolerance)
    if moved.any():
        error = np.abs(values[moved].astype(np.float64) - golden[moved])
        assert error.max() <= 10 * tolerance, f"{what}, moved queries: {error.max():.2e} > {10 * tolerance}"
