"""One small bundle, made once, that the tests of this folder look at from all sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rapsam

SIZE = (64, 96)


@pytest.fixture(scope="session")
def made_bundle(tmp_path_factory):
    """The bundle, its manifest and its parity report. Copy before changing anything."""
    folder = tmp_path_factory.mktemp("bundles") / "onnx"
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    manifest, report = rapsam.export_bundle(model, folder, target="onnx", size=SIZE, num_prompts=2)
    return folder, manifest, report


@pytest.fixture
def bundle_copy(made_bundle, tmp_path) -> Path:
    return shutil.copytree(made_bundle[0], tmp_path / "bundle")
