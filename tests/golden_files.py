"""Finds the outputs of the original implementation that tests compare with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from numpy.lib.npyio import NpzFile

SHARED = Path(__file__).resolve().parents[2] / "shared"


def fail_or_skip(reason: str, named: str | None) -> NoReturn:
    """Fails a test whose files are expected here (CI, a variable, a shared folder), else skips."""
    if named or os.environ.get("CI") or SHARED.exists():
        pytest.fail(reason)
    pytest.skip(reason)


def golden_folder() -> Path:
    """Returns the folder of golden files: $RAPSAM_GOLDEN, else ../shared/golden beside the checkout.

    Where the files are expected (CI, a variable that names them, a shared folder) their absence fails
    the test; elsewhere it skips.
    """
    named = os.environ.get("RAPSAM_GOLDEN")
    folder = Path(named) if named else SHARED / "golden"
    if folder.is_dir():
        return folder
    fail_or_skip(f"no golden files in {folder}; set RAPSAM_GOLDEN to the folder that holds them", named)


def golden(name: str) -> NpzFile:
    """Loads a golden file, as in `golden("postproc_synth")`."""
    path = golden_folder() / f"{name}.npz"
    if not path.is_file():
        pytest.fail(f"no golden file {path}; the folder is incomplete")
    return np.load(path)
