"""A tiny bundle whose self-test it does not pass, and one that follows videos."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle


@pytest.fixture(scope="session")
def wrong_bundle(tmp_path_factory) -> Path:
    """Nothing may change it."""
    folder = tmp_path_factory.mktemp("wrong") / "onnx-wrong"
    write_tiny_bundle(folder, right=False)
    return folder


@pytest.fixture(scope="session")
def following_bundle(tmp_path_factory) -> Path:
    """The tiny one that does the task "video" too. Nothing may change it."""
    folder = tmp_path_factory.mktemp("following") / "onnx-following"
    write_tiny_bundle(folder, follows=True)
    return folder
