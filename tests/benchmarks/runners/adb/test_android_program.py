"""The program that is built for Android without an NDK runs: here, on a stand-in for Android's C library."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from rapsam.benchmarks.runners.adb.program import android_program
from tests.benchmarks.runners.adb.native import HEAD, VARIANT, linux_compiler, wait_for
from tests.golden_files import fail_or_skip

HERE = Path(__file__).parent
LOADER = Path("/lib64/ld-linux-x86-64.so.2")


def build(folder: Path, name: str, source: str, *flags: str) -> Path:
    target = folder / name
    command = [linux_compiler(), "-D_GNU_SOURCE", "-O1", "-w", "-shared", "-fPIC", *flags, "-o", target]
    subprocess.run([*command, HERE / source, "-ldl"], check=True)
    return target


@pytest.fixture(scope="module")
def android(tmp_path_factory) -> list[str]:
    """The command that runs it."""
    if platform.machine() != "x86_64" or not LOADER.exists():
        pytest.skip("the stand-in is for glibc on x86-64")
    if shutil.which("clang") is None or shutil.which("ld.lld") is None:
        fail_or_skip("clang and lld are not installed; run: make adbd", None)
    folder = tmp_path_factory.mktemp("android")
    (folder / "names").write_text("LIBC { global: *; };\n")
    for name, flags in (("libc.so", ()), ("libdl.so", ("-DLIBDL",))):
        linking = (f"-Wl,-soname,{name}", f"-Wl,--version-script={folder / 'names'}")
        build(folder, name, "bionic_on_linux.c", *flags, *linking)
    library = build(folder, "libonnxruntime.so", "fake_ort.c", "-DCRASH")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        named = {"PATH": os.environ["PATH"], "RAPSAM_ANDROID_ORT": str(library)}
        made = android_program(["x86_64"], named)
    return [str(LOADER), "--library-path", str(folder), str(made.executable)]


def call(command, *words, folder):
    return subprocess.run(
        [*command, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_starts_and_opens_a_library(android, tmp_path):
    done = call(android, "about", f"{android[2]}/libonnxruntime.so", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0.1\n", "")
    done = call(android, "about", "./none.so", folder=tmp_path)
    assert done.returncode == 1
    assert "the library cannot be opened: ./none.so" in done.stderr


def test_it_reads_a_job_and_tells_of_a_process_that_crashes(android, tmp_path):
    (tmp_path / "job").write_text("rapsam-job 2\n")
    done = call(android, "run", "job", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "line 1 of the job: not a job of this version\n")
    (tmp_path / "job").write_text(HEAD.replace("./lib.so", f"{android[2]}/libonnxruntime.so") + VARIANT)
    assert call(android, "run", "job", folder=tmp_path).returncode == 0
    assert json.loads(wait_for(tmp_path / "ended")) == ["loading: its process was ended by signal 6"]
    assert (tmp_path / "said").read_text() == ""
