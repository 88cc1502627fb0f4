"""What tests of the apps share."""

from __future__ import annotations

import pytest

import rapsam
from apps.android.toolchain.jvm import build_jvm_app
from apps.android.toolchain.native import missing_compilers
from apps.android.toolchain.tools import missing_for_jvm
from rapsam.models.families import FAMILIES
from tests.models.sam.small_networks import SIDE, small_family, small_sam


@pytest.fixture(scope="session")
def android_app():
    """The Android app in a Java machine, without Android but with its libraries."""
    missing = missing_for_jvm()
    if missing is not None:
        pytest.skip(missing)
    return build_jvm_app()


@pytest.fixture
def executorch_app(android_app):
    """The same, where it can run ExecuTorch."""
    missing = missing_compilers()
    if missing is not None:
        pytest.skip(missing)
    return android_app


@pytest.fixture(scope="session")
def sam_bundle(tmp_path_factory):
    """A small network of the family of SAM, for ONNX Runtime. Nothing may change it."""
    folder = tmp_path_factory.mktemp("sam") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, "small", small_family())
        model = small_sam("edge")
        model.trained_sides = (SIDE, SIDE)
        rapsam.export_bundle(model, folder, target="onnx", precision="fp32")
    return folder
