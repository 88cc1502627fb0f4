"""The program that measures, built for the device of the tests."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest

from rapsam.benchmarks.runners.adb.program import DeviceProgram, compile_program
from rapsam.benchmarks.runners.adb.runner import AdbRunner
from tests.benchmarks.runners.adb.native import linux_compiler
from tests.benchmarks.runners.android.patience import PATIENCE, WATCH


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> DeviceProgram:
    """The program for the device of the tests, which is a Linux one: the same source, another C library."""
    made = tmp_path_factory.mktemp("program") / "rapsam-bench"
    compile_program(linux_compiler(), (), made, ("-ldl",))
    (library,) = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")
    return DeviceProgram(made, library, "a compiler of Linux")


@pytest.fixture
def runner(program) -> AdbRunner:
    """Timing on that device."""
    return AdbRunner(lambda _abis: program, PATIENCE, WATCH)
