"""One small bundle, one checkpoint file and one photograph for all tests of the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.checkpoint import write_safetensors
from tests.cli.cli_runs import Outcome, rapsam
from tests.models.golden_models import golden_model

# What an export that the system killed just now leaves behind; see test_cli_interrupt.
LEFT_BY_A_KILLED_EXPORT = ".onnx-fp32.rapsam-k1ll_ed0/encoder.onnx"


class Exported(NamedTuple):
    folder: Path
    outcome: Outcome


@pytest.fixture(scope="session")
def exported(tmp_path_factory, pixels) -> Exported:
    """What `rapsam export --json` made and said. Copy the bundle before changing anything."""
    folder = tmp_path_factory.mktemp("cli")
    out, scene = folder / "bundles", folder / "scene.png"
    Image.fromarray(pixels).save(scene)
    left = out / LEFT_BY_A_KILLED_EXPORT
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    outcome = rapsam(
        *("export", "--model", "rapsam_nano", "--target", "onnx"),
        *("--size", "64x96", "--prompts", "2", "--image", scene, "--out", out, "--json"),
    )
    return Exported(out / "onnx-fp32", outcome)


@pytest.fixture(scope="session")
def bundle(exported) -> Path:
    assert exported.outcome.code == 0, exported.outcome.err
    return exported.folder


@pytest.fixture
def bundle_copy(bundle, tmp_path) -> Path:
    return shutil.copytree(bundle, tmp_path / "bundle")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """Formula weights of rapsam_nano in our own format."""
    path = tmp_path_factory.mktemp("weights") / "nano.safetensors"
    write_safetensors(path, golden_model("rapsam_nano").state_dict(), {"model": "rapsam_nano"})
    return path


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """A drawn scene of 120 x 160 px."""
    return draw_scene(3, (120, 160))


@pytest.fixture
def photo(pixels, tmp_path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path
