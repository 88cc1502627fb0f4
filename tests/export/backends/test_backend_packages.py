from __future__ import annotations

import subprocess
import sys

import pytest

from rapsam.errors import InputError, UnavailableError
from rapsam.export.backends import BACKENDS, find_backend
from rapsam.export.backends.catalogue import RECIPES

HEAVY = (
    *("torch", "onnx", "onnxruntime", "coreai", "coreai_torch", "coremltools", "executorch"),
    *("litert_torch", "ai_edge_litert", "jax"),
)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("onnx", "onnxsim"),
        ("coreai", "coreai_torch"),
        ("coreml", "coremltools"),
        ("executorch", "executorch"),
        ("tflite", "litert_torch"),
        ("tflite", "ai_edge_litert"),  # says what its delegate takes
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    name, module, probe, tmp_path, monkeypatch
) -> None:
    backend = find_backend(name)
    assert backend.unavailable() is None
    monkeypatch.setitem(sys.modules, module, None)
    reason = f"{module} is not installed; run: pip install 'rapsam[{name}]'"
    assert backend.unavailable() == reason
    recipe = next(recipe for recipe in RECIPES.values() if recipe.backend == name)
    path = tmp_path / f"graph{backend.suffix}"
    with pytest.raises(UnavailableError, match="pip install"):
        backend.lower(probe.program, probe.contract, recipe, path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "module"), [("onnx", "onnxruntime"), ("executorch", "executorch"), ("tflite", "ai_edge_litert")]
)
def test_a_missing_runtime_is_named_too(name, module, probe, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnavailableError, match=f"{module} is not installed"):
        find_backend(name).load(tmp_path / "graph", probe.contract)


def test_converters_and_runtimes_are_imported_only_when_used() -> None:
    program = f"import sys, rapsam.export.backends; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_backend_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean executorch"):
        find_backend("executorh")


def test_every_recipe_has_its_backend_and_every_backend_its_recipes() -> None:
    assert {recipe.backend for recipe in RECIPES.values()} == set(BACKENDS)
