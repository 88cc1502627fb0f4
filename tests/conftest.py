"""Settings that hold for every test."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import settings

# One core for each of the test processes that run side by side, and for the programs that they start:
# more threads than cores wait for each other longer than they compute.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

# The first example of a property often pays for an import or a compilation: a deadline would be a coin toss.
settings.register_profile("rapsam", deadline=None)
settings.load_profile("rapsam")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory):
    """A bundle of three ONNX graphs that takes milliseconds to make and to run. Nothing may change it."""
    from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

    folder = tmp_path_factory.mktemp("tiny") / "onnx-tiny"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def boxer_family():
    """The family of `tests.other_family` stands in the table while a module of tests runs."""
    from rapsam.models.families import FAMILIES
    from tests.other_family import BOXER

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, "boxer", BOXER)
        yield


@pytest.fixture(scope="module")
def clicker_family():
    """The family of `tests.point_family` stands in the table while a module of tests runs."""
    from rapsam.models.families import FAMILIES
    from tests.point_family import CLICKER

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, "clicker", CLICKER)
        yield


@pytest.fixture(scope="module")
def clicker(clicker_family):  # noqa: ARG001 - the family must be in the table
    """A network of that family, in PyTorch."""
    import rapsam
    from tests.point_family import VARIANT

    return rapsam.build_model(VARIANT, checkpoint="formula")


@pytest.fixture(scope="module")
def clicker_bundle(clicker, tmp_path_factory):
    """A bundle of it, for ONNX Runtime, which takes two prompts per pass."""
    import rapsam

    folder = tmp_path_factory.mktemp("clicker") / "bundle"
    rapsam.export_bundle(clicker, folder, target="onnx", size=(64, 64), tasks=("prompt",), num_prompts=2)
    return folder


@pytest.fixture(autouse=True, scope="session")
def own_stages(tmp_path_factory):
    """The user's finished stages shall neither help nor be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPSAM_CACHE", str(tmp_path_factory.mktemp("stages")))
        yield


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    from tests.chromium import started_browser

    with started_browser() as started:
        yield started


@pytest.fixture(scope="session")
def android_app():
    """The Android app in a Java machine, without Android but with its libraries."""
    from apps.android.toolchain.jvm import build_jvm_app
    from apps.android.toolchain.tools import missing_for_jvm

    missing = missing_for_jvm()
    if missing is not None:
        pytest.skip(missing)
    return build_jvm_app()
