"""The Android app's stand-in for fbjni: texts and exceptions between C++ and Java."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from apps.android.toolchain.native import FBJNI
from tests.apps.test_android_executorch import halve, lower

HERE = Path(__file__).parent


@pytest.fixture
def fbjni_app(executorch_app, tmp_path):
    """The app with a library of C++ that uses the stand-in, and Java that calls that library."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ for a library that uses the stand-in for fbjni; install g++")
    include = Path(shutil.which("javac")).resolve().parents[1] / "include"
    jars = ":".join(map(str, executorch_app.jars))
    subprocess.run(["javac", "-proc:none", "-cp", jars, "-d", tmp_path, HERE / "UsesFbjni.java"], check=True)
    compiler = ["g++", "-std=c++17", "-shared", "-fPIC", "-I", include, "-I", include / "linux"]
    library = executorch_app.folder / FBJNI
    command = [*compiler, "-o", tmp_path / "libuses.so", HERE / "uses_fbjni.cpp", library, "-pthread"]
    subprocess.run(command, check=True)
    return executorch_app._replace(
        jars=(tmp_path, *executorch_app.jars), java=(*executorch_app.java, "-Xcheck:jni")
    )


def test_texts_and_exceptions_come_through_as_they_are_and_none_stays_behind(fbjni_app, tmp_path):
    done = fbjni_app.run("UsesFbjni", tmp_path / "libuses.so")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["done"]


def test_a_graph_is_run_in_a_folder_with_any_name(executorch_app, tmp_path, monkeypatch):
    lower(tmp_path / "half.pte")
    folder = tmp_path / "gr\u00fc\u00dfe \U0001f600"
    folder.mkdir()
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    app = executorch_app._replace(java=(*executorch_app.java, f"-Djava.io.tmpdir={folder}"))
    halves = " ".join(str(number / 2) for number in range(32))
    assert halve(app, tmp_path / "half.pte") == [halves, halves]
