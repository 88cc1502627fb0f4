"""Finds the files that failed for real people, kept beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

from tests.golden_files import SHARED, fail_or_skip


def shared_case(name: str) -> Path:
    """Returns a file by its path below $RAPSAM_CASES, else ../shared/cases beside the checkout.

    Where the files are expected (CI, a variable that names them, a shared folder) their absence fails
    the test; elsewhere it skips.
    """
    named = os.environ.get("RAPSAM_CASES")
    path = (Path(named) if named else SHARED / "cases") / name
    if not path.is_file():
        fail_or_skip(f"no file {path}; set RAPSAM_CASES to the folder that holds it", named)
    return path
