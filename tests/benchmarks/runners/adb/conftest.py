"""A device with a real adbd, and the program that measures, built for it."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime
import pytest

from rapsam.benchmarks.runners.adb.program import DeviceProgram, compile_program
from rapsam.benchmarks.runners.adb.runner import AdbRunner
from tests.adbd import started_device
from tests.benchmarks.runners.adb.native import PATIENCE, WATCH, linux_compiler
from tests.benchmarks.runners.adb.recorded import BATTERY, POWER, PROPERTIES, THERMAL


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> DeviceProgram:
    """The program for the device of the tests, which is a Linux one: the same source, another C library."""
    made = tmp_path_factory.mktemp("program") / "rapsam-bench"
    compile_program(linux_compiler(), (), made, ("-ldl",))
    (library,) = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")
    return DeviceProgram(made, library, "a compiler of Linux")


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


@pytest.fixture
def runner(program) -> AdbRunner:
    """Timing on that device."""
    return AdbRunner(lambda _abis: program, PATIENCE, WATCH)
