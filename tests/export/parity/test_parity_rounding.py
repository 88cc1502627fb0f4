"""Random rounding must be as fine as the precision, unbiased, repeatable, and change nothing that fits."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.parity.case import References
from rapsam.export.parity.memory import RunMemory
from rapsam.export.parity.rounding import RandomRounding, RoundedRunner, half_weights
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.build import build_model, deployment_of


@pytest.mark.parametrize(("precision", "unit"), [("fp16", 2.0**-10), ("fp32", 2.0**-22)])
def test_results_are_off_by_less_than_one_step_of_the_precision(precision, unit):
    values = torch.rand(10_000, generator=torch.Generator().manual_seed(1)) + 1
    exact = values * 1.1
    with RandomRounding(precision, 0):
        rounded = values * 1.1
    error = (rounded.double() - exact.double()).abs().max().item()
    assert unit / 4 < error < 2 * unit


def test_fp16_rounding_gives_values_that_float16_holds():
    values = torch.randn(1000, generator=torch.Generator().manual_seed(2)) * 10
    with RandomRounding("fp16", 0):
        rounded = values * 0.3
    assert torch.equal(rounded, rounded.half().float())


def test_roundings_have_no_bias_and_keep_what_fits():
    with RandomRounding("fp16", 3):
        rounded = torch.full((200_000,), 1.0).mul(1 + 2.0**-12)
        kept = torch.full((100,), 0.5) + 0.25
    assert rounded.double().mean().item() == pytest.approx(1 + 2.0**-12, abs=2e-6)
    assert torch.equal(kept, torch.full((100,), 0.75))


def test_operators_in_place_and_views_are_followed():
    values = torch.full((4, 1000), 1.0)
    with RandomRounding("fp16", 0):
        same = values.view(-1).mul_(1.0001)
    assert same.data_ptr() == values.data_ptr()
    assert set(values.unique().tolist()) == {1.0, 1 + 2.0**-10}


class Layer:
    """A runner that counts its runs."""

    def __init__(self):
        torch.manual_seed(0)
        self.layer = nn.Linear(8, 8)
        self.runs = 0

    @torch.no_grad()
    def run(self, inputs):
        self.runs += 1
        return {"y": self.layer(torch.from_numpy(inputs["x"])).numpy()}


INPUTS = {"x": np.linspace(-1, 1, 8, dtype=np.float32)[None]}


def test_the_seed_decides_the_result():
    first, again, other = (
        RoundedRunner(Layer(), "fp16", seed).run(INPUTS)["y"].tolist() for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_weights_of_16_bits_are_rounded_once_and_stay_as_they_are():
    """The same weight, used twice, is the same both times; a bias is not touched."""
    layer = Layer().layer
    before = layer.weight.detach().clone()
    x = torch.eye(8)
    with torch.no_grad(), RandomRounding("fp32", 0, half_weights(dict(layer.named_parameters()), "fp16")):
        first, second = layer(x) - layer.bias, torch.nn.functional.linear(x, layer.weight)
    stored = second.T
    assert torch.allclose(first, second, rtol=0, atol=1e-6)
    assert torch.allclose(stored, stored.half().float(), rtol=1e-6)
    assert 2.0**-13 < ((stored - before).abs() / before.abs()).max() < 2.0**-10
    assert torch.equal(layer.weight, before)


def test_only_what_a_format_stores_in_16_bits_is_rounded():
    state = {"weight": torch.ones(2, 2), "bias": torch.ones(2), "steps": torch.ones(2, 2).long()}
    assert half_weights(state, "fp32") == ()
    assert [tensor.shape for tensor in half_weights(state, "fp16")] == [(2, 2)]


def test_tflite_rounds_weights_and_not_what_operators_compute():
    floats = {name: recipe for name, recipe in RECIPES.items() if recipe.quantisation is None}
    assert {name for name, recipe in floats.items() if recipe.arithmetic != recipe.precision} == {
        "tflite-fp16"
    }


def test_few_bits_are_no_rounding():
    """What they cost is not excused: the yardstick is that of the arithmetic around them."""
    state = {"weight": torch.ones(2, 2)}
    assert half_weights(state, "w8") == half_weights(state, "p4") == ()
    quantised = [recipe for recipe in RECIPES.values() if recipe.quantisation is not None]
    assert {recipe.arithmetic for recipe in quantised} == {"fp32", "fp16"}


def test_the_yardstick_of_16_bit_weights_is_finer_than_that_of_16_bit_arithmetic(made_bundle):
    deployment = deployment_of(build_model("rapsam_nano", checkpoint="formula"))

    def rounding_db(recipe):
        manifest = msgspec.structs.replace(made_bundle[1], recipe=recipe)
        case = References(deployment, manifest, "cpu", RunMemory()).case(
            "scene", draw_scene(3, (64, 96)), with_tasks=False
        )
        return min(case.rounding_db["encoder"]["features"])

    arithmetic, weights, exact = (rounding_db(name) for name in ("onnx-fp16", "tflite-fp16", "tflite-fp32"))
    assert arithmetic + 2 < weights < exact - 30
