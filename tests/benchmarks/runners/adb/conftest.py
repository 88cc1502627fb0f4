"""A device with a real adbd, and the program that measures, built for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import onnxruntime
import pytest

from rapsam.benchmarks.runners.adb.device import Patience
from rapsam.benchmarks.runners.adb.program import DeviceProgram, compile_program
from rapsam.benchmarks.runners.adb.runner import AdbRunner
from rapsam.benchmarks.runners.adb.session import Watch
from tests.adbd import started_device
from tests.benchmarks.runners.adb.recorded import BATTERY, POWER, PROPERTIES, THERMAL
from tests.golden_files import fail_or_skip

WATCH = Watch(look_s=0.05, sensors_s=0.2, hang_s=30.0, cool_s=0.2, cool_look_s=0.05)
PATIENCE = Patience(reconnect_s=15.0, pause_s=0.05)


def linux_compiler() -> str:
    """Returns a compiler for this machine; fails or skips without one."""
    found = shutil.which("gcc") or shutil.which("clang")
    if found is None:
        fail_or_skip("no C compiler is installed; run: make adbd", None)
    return found


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
