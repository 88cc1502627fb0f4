"""A phone with a real adbd, for all that goes over adb."""

from __future__ import annotations

import os

import pytest

from tests.adbd import started_device
from tests.benchmarks.runners.android.recorded import BATTERY, POWER, PROPERTIES, THERMAL


@pytest.fixture
def phone(monkeypatch):
    """A device that says of itself what a phone once said; adb on the path reaches it, and only it."""
    with started_device() as device:
        monkeypatch.setenv("PATH", f"{device.adb.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        for name, said in (
            ("getprop", PROPERTIES),
            ("dumpsys-battery", BATTERY),
            ("dumpsys-thermalservice", THERMAL),
            ("dumpsys-power", POWER),
            ("settings", "0\n"),
        ):
            (device.stubs / name).write_text(said)
        yield device
