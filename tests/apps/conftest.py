"""What tests of the apps share."""

from __future__ import annotations

import pytest

import rapsam
from apps.android.toolchain.native import missing_compilers
from rapsam.models.families import FAMILIES
from rapsam.web.files import Shown, page_files
from rapsam.web.server import PageServer
from tests.models.sam.small_networks import SIDE, small_family, small_sam


@pytest.fixture
def executorch_app(android_app):
    """The app of the Android core, where it can run ExecuTorch."""
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


@pytest.fixture(scope="module")
def blank_page(browser):
    """A page with nothing on it, beside the files of the app's page: for tests of single modules."""
    blank = Shown(b"<!doctype html><link rel=icon href='data:,'>", "text/html")
    with PageServer("127.0.0.1", 0, {**page_files(), "blank.html": blank}, {}) as server:
        opened = browser.new_page()
        opened.goto(f"{server.url}blank.html")
        yield opened
        opened.close()
