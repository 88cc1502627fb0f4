"""A small bundle, written once for a file of tests, that each test may spoil a copy of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.export.small_bundle import write_small_bundle


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "bundle"
    folder.mkdir()
    write_small_bundle(folder)
    return folder


@pytest.fixture
def bundle(original, tmp_path) -> Path:
    return shutil.copytree(original, tmp_path / "bundle")
