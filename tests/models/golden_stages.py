"""Stages of the golden files against a decoder that computes in float64.

The files were computed in float32, where a logit within rounding of zero may have the other sign. The hard
mask of its query then has another sum, so that the query moves from the next stage on, the others a little
with it. Which pixels these are depends on the files alone: float64 gives the same signs on every processor.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

STAGES = ("init", "s0", "s1", "s2", "s3")
# The tolerances of the reference. Ten times as much for moved queries, a fifth for all others.
TOLERANCES = {"mask": 5e-3, "queries": 1e-2, "class": 0.15, "IoU": 1e-2}
MAX_FLIPPED_PIXELS = 10
MAX_MOVED_SHARE = 0.15

Moved = npt.NDArray[np.bool_]


def check_values(kind: str, result: npt.ArrayLike, golden: npt.NDArray[np.float32], moved: Moved) -> None:
    """Compares values of queries (Q, ...) of which some have moved (Q)."""
    values = np.asarray(result, np.float64)
    assert values.shape == golden.shape, kind
    errors = np.abs(values - golden).reshape(len(golden), -1).max(1)
    allowed = TOLERANCES[kind] * np.where(moved, 10, 0.2)
    assert (errors <= allowed).all(), (
        f"{kind} of {np.flatnonzero(errors > allowed)}: up to {errors.max():.2e}"
    )


def check_masks(files: NpzFile, stage: str, logits: npt.NDArray[np.float64], moved: Moved) -> Moved:
    """Compares mask logits (Q, h, w) of one of `STAGES`; tells which queries have moved after it (Q)."""
    whole, stride = files["q_full"], int(files["sub_stride"])
    check_values("mask", logits[whole], files[f"mask_{stage}_full"], moved[whole])
    check_values("mask", logits[:, ::stride, ::stride], files[f"mask_{stage}_sub"], moved)
    flipped = np.abs((logits > 0).sum((1, 2)) - files[f"mask_{stage}_npos"])
    assert flipped.max() <= MAX_FLIPPED_PIXELS
    return moved | (flipped > 0)
