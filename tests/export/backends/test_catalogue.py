"""What the targets declare, and what follows from it."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

import rapsam
from rapsam.errors import InputError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import (
    RECIPES,
    RUNTIMES,
    TARGETS,
    find_recipe,
    find_target,
    ios_versions,
    precisions,
)
from rapsam.export.backends.recipes import FP16_GATES, FP32_GATES, Recipe
from rapsam.export.backends.refusals import FEW_BITS

# Bundles and records of measurements have these names in them.
BY_TARGET = {
    "coreml": [
        *("fp32-ios16", "fp16-ios16", "fp32-ios17", "fp16-ios17", "fp32-ios18", "fp16-ios18"),
        *("w8-ios16", "w8-ios17", "w8-ios18", "p6-ios16", "p6-ios17", "p6-ios18"),
        *("p4-ios18", "w8a8-ios17", "w8a8-ios18"),
    ],
    "executorch": ["fp32", "fp16", "w8da8", "w8a8"],
    "executorch-coreml": ["fp32-ios16", "fp16-ios16", "fp32-ios17", "fp16-ios17", "fp32-ios18", "fp16-ios18"],
    "executorch-vulkan": ["fp32", "fp16"],
    "onnx": ["fp32", "fp16", "w8", "w8a8", "w8a16"],
    "tflite": ["fp32", "fp16", "w8", "w8a8"],
}
ROOT = Path(rapsam.__file__).parent


@pytest.mark.parametrize("target", BY_TARGET)
def test_recipes_keep_their_names(target) -> None:
    recipes = BACKENDS[target].facts.recipes
    assert [recipe.name for recipe in recipes] == [f"{target}-{ending}" for ending in BY_TARGET[target]]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_declares_recipes_of_its_own(target) -> None:
    facts = BACKENDS[target].facts
    for recipe in facts.recipes:
        assert recipe.backend == target
        assert RECIPES[recipe.name] is recipe
        assert find_recipe(target, recipe.precision, recipe.ios) is recipe
        assert (recipe.quantisation is None) == (recipe.precision in ("fp32", "fp16"))
        if recipe.quantisation is None:
            assert recipe.gates == {"fp32": FP32_GATES, "fp16": FP16_GATES}[recipe.precision]
        if recipe.otherwise is not None:
            assert find_recipe(target, recipe.otherwise, recipe.ios).otherwise is None
    assert find_recipe(target).precision == facts.default_precision
    assert find_recipe(target).ios == facts.default_ios
    assert (facts.default_ios is None) == (ios_versions(target) == ())
    assert precisions(target)[:2] == ("fp32", "fp16")
    assert not set(facts.refused) & set(precisions(target))
    assert facts.compute_units


@pytest.mark.parametrize("target", TARGETS)
def test_every_precision_of_few_bits_is_there_or_refused_with_the_reason(target) -> None:
    facts = BACKENDS[target].facts
    assert {*precisions(target), *facts.refused} == {"fp32", "fp16", *FEW_BITS}
    assert all(reason and not reason.endswith(".") for reason in facts.refused.values())


def test_targets_are_listed_by_name_and_no_name_is_used_twice() -> None:
    assert list(TARGETS) == sorted(BACKENDS)
    assert len(RECIPES) == sum(len(backend.facts.recipes) for backend in BACKENDS.values())
    names = [runtime.name for runtimes in RUNTIMES.values() for runtime in runtimes]
    assert len(set(names)) == len(names)


def test_what_differs_between_targets() -> None:
    assert {recipe.backend for recipe in RECIPES.values() if recipe.sampling == "grid"} == {"onnx"}
    assert find_recipe("tflite", "fp16").arithmetic == "fp32"
    assert find_recipe("onnx", "fp16").arithmetic == "fp16"
    assert find_recipe("coreml").name == "coreml-fp16-ios17"
    assert find_recipe("executorch-coreml", ios=18).deployment_target == "iOS18"
    assert [runtime.name for runtime in RUNTIMES["tflite"]] == ["LiteRT", "tflite-runtime 2.14"]
    assert [runtime.provenance for runtime in RUNTIMES["coreml"]] == ["measured", "emulated"]


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (("coreml2",), "unknown target 'coreml2'; did you mean coreml"),
        (("onnx", "fp8"), "unknown precision 'fp8'; did you mean fp32, fp16 or w8"),
        (("onnx", "zzz"), "unknown precision 'zzz'; valid names: fp16, fp32, w8, w8a16, w8a8"),
        (("executorch", "w8"), "no w8 for target executorch: XNNPACK has no kernels that take 8-bit weights"),
        (("coreml", "w8a16"), "no w8a16 for target coreml: Core ML has no 16-bit integers between operators"),
        (("coreml", "w8a8", 16), "iOS 16 is no deployment target of w8a8; choose one of [17, 18]"),
        (
            ("coreml", "w4"),
            "no w4 for target coreml: a scale per 32 channels costs prompts more than p4",
        ),
        (("coreml", "p8"), "no p8 for target coreml: a palette of 256 values is no smaller than w8"),
        (("onnx", "w4"), "no w4 for target onnx: one scale per channel is too coarse for 4 bits; take w8"),
        (("tflite", "p8"), "no p8 for target tflite: palettes of weights are Core ML's"),
        (("coreai", "w8"), "no w8 for target coreai: Core AI's converter takes few bits from Apple's"),
        (("executorch-vulkan", "w8a8"), "its delegate runs on phones only, and what was never run is not"),
        (("coreml", "p4", 17), "iOS 17 is no deployment target of p4; choose one of [18]"),
        (
            ("onnx", "int8"),
            "precision 'int8' does not say what has 8 bits: w8a8 (weights and activations), w8a16 (16-bit "
            "activations) or w8 (weights only); target onnx has fp32, fp16, w8, w8a8, w8a16",
        ),
        (("coreml", "fp16", 15), "iOS 15 is no deployment target of fp16; choose one of [16, 17, 18]"),
    ],
)
def test_what_no_target_has_is_refused_with_what_there_is(choices, says) -> None:
    with pytest.raises(InputError) as caught:
        find_recipe(*choices)
    assert says in str(caught.value)


def test_without_a_version_of_ios_the_oldest_is_taken_that_has_the_precision() -> None:
    assert find_recipe("coreml", "p4").name == "coreml-p4-ios18"
    assert find_recipe("coreml", "p6").name == "coreml-p6-ios17"


def test_other_formats_ignore_a_version_of_ios() -> None:
    assert find_recipe("onnx", "fp32", 3) is find_recipe("onnx", "fp32")
    assert find_target("onnx").facts.platform is None


def test_a_recipe_is_written_the_same_every_time() -> None:
    """It is part of keys: fields in their order, also those that say nothing."""
    written = msgspec.json.encode(RECIPES["coreml-fp16-ios17"])
    assert written.startswith(
        b'{"name":"coreml-fp16-ios17","backend":"coreml","precision":"fp16","arithmetic":"fp16",'
        b'"deployment_target":"iOS17","sampling":"rows","gates":{'
    )
    assert written.endswith(b',"quantisation":null,"otherwise":null}')
    assert msgspec.json.decode(written, type=Recipe) == RECIPES["coreml-fp16-ios17"]


def test_only_backends_know_the_names_of_targets() -> None:
    """Elsewhere a name stands in examples at most, never alone: nothing may decide by it."""
    files = {path for folder in (ROOT, ROOT / "export") for path in folder.rglob("*.py")}
    elsewhere = {path for path in files if not path.is_relative_to(ROOT / "export/backends")}
    assert ROOT / "export/build/plan.py" in elsewhere
    deciding = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in sorted(elsewhere)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in TARGETS
    ]
    assert deciding == []
