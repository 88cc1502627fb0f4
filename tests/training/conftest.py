from __future__ import annotations

import pytest

from tests.training.tiny_run import write_recipe, write_tiny_world


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return write_tiny_world(tmp_path_factory.mktemp("data") / "world")


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    return write_recipe(tmp_path_factory.mktemp("recipe"))
