"""A phone that has the app, and the runner that asks it."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.runners.adb_app.runner import AdbAppRunner
from tests.benchmarks.runners.adb_app.app_phone import AppPhone
from tests.benchmarks.runners.android.patience import PATIENCE, WATCH


@pytest.fixture
def app_phone(phone) -> AppPhone:
    """The device of the tests, with the app."""
    return AppPhone(phone)


@pytest.fixture
def runner() -> AdbAppRunner:
    """Timing in it."""
    return AdbAppRunner(PATIENCE, WATCH._replace(unlock_s=0.2, folder_s=30.0))
