"""Recorded outputs of the original networks of the family, and networks with weights by formula."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.npyio import NpzFile

import rapsam
from rapsam.models.sam.model import Sam
from tests.golden_files import SHARED, fail_or_skip

# Largest differences of float32 from the recorded float64, as the reference recommends them.
EMBEDDING, LOGITS, IOU, TOKENS = 3e-5, 3e-5, 1e-5, 1e-5
FLIPPED_PIXELS = 20


def sam_folder() -> Path:
    """Returns the folder of recorded outputs: $RAPSAM_GOLDEN_SAM, else ../shared/golden_sam."""
    named = os.environ.get("RAPSAM_GOLDEN_SAM")
    folder = Path(named) if named else SHARED / "golden_sam"
    if not folder.is_dir():
        fail_or_skip(
            f"no golden files in {folder}; set RAPSAM_GOLDEN_SAM to the folder that holds them", named
        )
    return folder


def sam_golden(name: str) -> NpzFile:
    path = sam_folder() / f"golden_{name}.npz"
    if not path.is_file():
        pytest.fail(f"no golden file {path}; the folder is incomplete")
    return np.load(path)


def images_of(variant: str) -> list[NpzFile]:
    """Loads what was recorded of a variant: an image at least, a second one where there is one."""
    first = sam_golden(f"{variant}_a_480x640")
    second = sam_folder() / f"golden_{variant}_b_333x500.npz"
    return [first, *([np.load(second)] if second.is_file() else [])]


def published_shapes(variant: str) -> dict[str, list[int]]:
    path = sam_folder() / f"keys_{variant.removesuffix('_bilinear')}.json"
    shapes = json.loads(path.read_text())
    return {name: list(shape) for name, shape in (shapes.items() if isinstance(shapes, dict) else shapes)}


@cache
def formula_sam(variant: str) -> Sam:
    return rapsam.build_model(variant, checkpoint="formula")


def close(what: str, result: torch.Tensor, golden: np.ndarray, tolerance: float) -> None:
    values = result.detach().numpy()
    assert values.shape == golden.shape, f"{what}: {values.shape} instead of {golden.shape}"
    error = float(np.abs(values - golden).max(initial=0))
    assert error <= tolerance, f"{what}: {error:.2e} > {tolerance:.0e}"
