"""Finds the runtimes that browsers run graphs with, for tests that run some."""

from __future__ import annotations

import os

from rapsam.web.node_packages import FOLDER_VARIABLE, missing_packages
from tests.golden_files import fail_or_skip


def need_web_runtimes() -> None:
    """Fails or skips a test where the runtimes were not fetched: `make web-runtimes` does it."""
    reason = missing_packages()
    if reason is not None:
        fail_or_skip(reason, os.environ.get(FOLDER_VARIABLE))
