"""Finds the files that failed for real people, kept beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_case(name: str) -> Path:
    """Gives a file by its path below $RAPSAM_CASES, else ../shared/cases beside the checkout.

    Where the files are expected (CI, a variable that names them, a shared folder) their absence fails
    the test; elsewhere it skips.
    """
    named = os.environ.get("RAPSAM_CASES")
    path = (Path(named) if named else _SHARED / "cases") / name
    if path.is_file():
        return path
    reason = f"no file {path}; set RAPSAM_CASES to the folder that holds it"
    if named or os.environ.get("CI") or _SHARED.exists():
        pytest.fail(reason)
    pytest.skip(reason)
