from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import BundleError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.coreml import emulation as coreml_emulation
from rapsam.graph.capture import capture
from tests.export.backends import probe_case

# Packages of few bits: test_lower_graph.py.
COREML = [name for name, each in RECIPES.items() if each.backend == "coreml" and each.quantisation is None]
SHAPE = (1, 4, 8, 8)


def emulated(module: nn.Module, recipe: str, folder):
    """Lowers a module of one input and one output of `SHAPE` and loads the package again."""
    x, y = (
        TensorSpec(name=name, shape=SHAPE, dtype="float32", layout="NCHW", value_range=None, meaning="any")
        for name in "xy"
    )
    contract = GraphContract(graph="small", inputs=(x,), outputs=(y,))
    path = folder / "small.mlpackage"
    find_backend("coreml").lower(capture(module, contract), contract, RECIPES[recipe], path)
    return coreml_emulation.load(path, contract)


@pytest.mark.parametrize("name", COREML)
def test_a_saved_package_computes_what_pytorch_computes(probe, lowered, name) -> None:
    _, artifact = lowered(name)
    runner = coreml_emulation.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, RECIPES[name].precision)


def test_an_emulated_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    _, artifact = lowered("coreml-fp32-ios17")
    runner = coreml_emulation.load(artifact.path, probe.contract)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


def test_image_inputs_are_rounded_to_eight_bits(probe, lowered) -> None:
    _, artifact = lowered("coreml-fp32-ios17")
    runner = coreml_emulation.load(artifact.path, probe.contract)
    shifted = {**probe.inputs, "image": probe.inputs["image"] + np.float32(0.3)}
    assert np.array_equal(runner.run(shifted)["features"], runner.run(probe.inputs)["features"])


@pytest.mark.parametrize("lost", ["Data/com.apple.CoreML/weights", "Data/com.apple.CoreML/model.mlmodel"])
def test_a_package_with_a_part_missing_is_refused(probe, lowered, tmp_path, lost) -> None:
    _, artifact = lowered("coreml-fp32-ios17")
    copy = shutil.copytree(artifact.path, tmp_path / "damaged.mlpackage")
    part = copy / lost
    part.unlink() if part.is_file() else shutil.rmtree(part)
    with pytest.raises(BundleError, match="damaged"):
        coreml_emulation.load(copy, probe.contract)


def test_a_truncated_package_is_refused(probe, lowered, tmp_path) -> None:
    _, artifact = lowered("coreml-fp32-ios17")
    copy = shutil.copytree(artifact.path, tmp_path / "damaged.mlpackage")
    program = copy / "Data/com.apple.CoreML/model.mlmodel"
    program.write_bytes(program.read_bytes()[:-200])
    with pytest.raises(BundleError, match="damaged"):
        coreml_emulation.load(copy, probe.contract)


def test_an_operator_that_it_does_not_know_is_named(tmp_path) -> None:
    class Rounded(nn.Module):
        def forward(self, x):
            return torch.round(x)

    with pytest.raises(BundleError, match=r"does not know: \['round'\]"):
        emulated(Rounded(), "coreml-fp32-ios17", tmp_path)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-10])
def test_layer_norms_of_small_values_survive_float16(tmp_path, epsilon) -> None:
    norm = nn.LayerNorm(8, eps=epsilon)
    x = (np.random.default_rng(0).standard_normal(SHAPE) * 1e-4).astype(np.float32)
    result = emulated(norm, "coreml-fp16-ios17", tmp_path).run({"x": x})["y"]
    with torch.no_grad():
        expected = norm(torch.from_numpy(x)).numpy()
    assert np.abs(result - expected).max() < 5e-3


class Everything(nn.Module):
    """Operators of the real graphs that the probe has not."""

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.bias = nn.Parameter(torch.randn(4))

    def forward(self, x):
        up = nn.functional.interpolate(self.pool(x), scale_factor=2, mode="bilinear", align_corners=False)
        first, last = up.split([1, 3], dim=1)
        stacked = torch.stack([first, first.flip(-1)], dim=-1).amax(-1)
        unit = nn.functional.normalize(torch.cat([stacked, last], 1), dim=1)
        return unit * x[:, :, 1::2, :1].sum(2, keepdim=True) + self.bias.view(1, 4, 1, 1)


@pytest.mark.parametrize("recipe", ["coreml-fp32-ios16", "coreml-fp32-ios18"])
def test_the_other_operators_are_right_too(tmp_path, recipe) -> None:
    module = Everything()
    x = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    result = emulated(module, recipe, tmp_path).run({"x": x})["y"]
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
    assert np.abs(result - expected).max() < 1e-5
