"""What tests of the apps share."""

from __future__ import annotations

import pytest

from apps.android.toolchain.jvm import build_jvm_app
from apps.android.toolchain.tools import missing_for_jvm


@pytest.fixture(scope="session")
def android_app():
    """The Android app in a Java machine, without Android but with its libraries."""
    missing = missing_for_jvm()
    if missing is not None:
        pytest.skip(missing)
    return build_jvm_app()
