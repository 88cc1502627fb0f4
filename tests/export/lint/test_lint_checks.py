"""For each rule about operators: a graph that breaks it, and one that computes the same and does not."""

from __future__ import annotations

import math

import msgspec
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.base import Accelerator
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.lint.checks import CHECKS, RECIPE_CHECKS
from rapsam.export.lint.examined import Examined, element_sizes
from rapsam.export.lint.findings import graph_findings, recipe_findings
from rapsam.export.lint.rules import load_rules
from tests.export.lint.lint_cases import FP16, Computes, contract_of, examined

MASK = torch.zeros(4, 4)
BIG = (1, 3, 256, 256)
HEADS, ROWS = (2, 4, 8), (6, 4)
PLACES = torch.tensor([1, 0, 2])


def masked(low: float) -> nn.Module:
    mask = torch.zeros(4, 4).masked_fill(torch.ones(4, 4).triu(1).bool(), low)
    return Computes(lambda m, a: (a + m.mask).softmax(-1), mask=mask)


def norm(epsilon: float) -> nn.Module:
    return nn.LayerNorm(8, eps=epsilon)


# Rule: what breaks it, what does not, shapes of the inputs of both.
CASES = {
    "litert-gpu-batched-product": (
        Computes(lambda _, a, b: a @ b.transpose(-1, -2)),
        Computes(lambda _, a, b: (a[None] @ b[None].transpose(-1, -2))[0]),
        (HEADS, HEADS),
    ),
    "litert-gpu-mask-on-product": (
        Computes(lambda m, a, b: a @ b.transpose(-1, -2) * 0.5 + m.mask, mask=MASK),
        Computes(lambda m, a, b: a @ b.transpose(-1, -2) * 0.5 + m.mask, mask=MASK.expand(2, 4, 4).clone()),
        (HEADS, HEADS),
    ),
    "litert-gpu-constant-left": (
        Computes(lambda m, a: m.left @ a, left=torch.ones(3, 6)),
        Computes(lambda m, a: (a.T @ m.left.T).T, left=torch.ones(3, 6)),
        (ROWS,),
    ),
    "litert-gpu-large-reduction": (
        Computes(lambda _, a: a.mean((2, 3))),
        Computes(lambda _, a: a.mean(3).mean(2)),
        (BIG,),
    ),
    "litert-gpu-rank": (
        Computes(lambda _, a: a.reshape(1, 2, 2, 2, 8).transpose(1, 2).reshape(2, 4, 8) * 2),
        Computes(lambda _, a: a.reshape(2, 2, 2, 8).transpose(0, 1).reshape(2, 4, 8) * 2),
        (HEADS,),
    ),
    "litert-gpu-expand": (
        Computes(lambda _, a: a[:, :1].expand(6, 4) + 0.0),
        Computes(lambda m, a: a[:, :1] * m.ones, ones=torch.ones(6, 4)),
        (ROWS,),
    ),
    "litert-gpu-rows": (
        Computes(lambda m, a: a.index_select(0, m.places), places=PLACES),
        Computes(lambda _, a: a.sum(0)),
        (ROWS,),
    ),
    "litert-gpu-transposed-convolution": (
        nn.ConvTranspose2d(3, 2, 2, 2),
        nn.Sequential(nn.Conv2d(3, 8, 1), nn.PixelShuffle(2)),
        ((1, 3, 8, 8),),
    ),
    "neural-engine-rank": (
        Computes(lambda _, a: (a.reshape(1, 1, 2, 2, 2, 8) * 2).flatten()),
        Computes(lambda _, a: (a.reshape(1, 2, 2, 2, 8) * 2).flatten()),
        (HEADS,),
    ),
    "neural-engine-axis": (
        Computes(lambda _, a: a.flatten(2) * 2),
        Computes(lambda _, a: a * 2),
        (BIG,),
    ),
    "neural-engine-long-axis": (
        Computes(lambda _, a: a.flatten(1) * 2),
        Computes(lambda _, a: a.flatten(2) * 2),
        (BIG,),
    ),
    "neural-engine-infinity": (masked(-math.inf), masked(-1e4), ((4, 4),)),
    "neural-engine-float32": (norm(1e-10), norm(1e-5), ((3, 8),)),
    "neural-engine-rows": (
        Computes(lambda _, a: a.topk(2, 0).values),
        Computes(lambda _, a: a.amax(0)),
        (ROWS,),
    ),
    "core-ai-chosen-rows": (
        Computes(lambda _, a: a.gather(0, a.topk(2, 0).indices)),
        Computes(lambda m, a: a.index_select(0, m.places), places=PLACES),
        (ROWS,),
    ),
    "core-ai-argmax": (
        Computes(lambda _, a: a.argmax(0).float()),
        Computes(lambda _, a: a.amax(0)),
        (ROWS,),
    ),
}


# Those whose two graphs compute the same: the second is what the rule calls its mend.
EXACT = [
    *("litert-gpu-batched-product", "litert-gpu-mask-on-product", "litert-gpu-constant-left"),
    *("litert-gpu-large-reduction", "litert-gpu-rank", "litert-gpu-expand"),
    *("neural-engine-rank", "neural-engine-infinity"),
]


def broken(graph: Examined, rule: str, recipe=FP16) -> list[str]:
    accelerators = {each for backend in BACKENDS.values() for each in backend.facts.accelerators}
    found = graph_findings(graph, recipe, sorted(accelerators, key=lambda each: each.name))
    return [finding.operator for finding in found if finding.rule == rule]


@pytest.mark.parametrize("rule", CASES)
def test_a_graph_that_breaks_a_rule_is_found_and_one_that_does_not_is_not(rule):
    breaks, fine, shapes = CASES[rule]
    assert broken(examined(breaks, *shapes), rule), rule
    assert not broken(examined(fine, *shapes), rule), rule


def test_every_rule_about_operators_has_a_case():
    apart = {"neural-engine-dynamic-shape"}
    assert {rule.name for rule in load_rules() if rule.check in CHECKS} == {*CASES, *apart}


@pytest.mark.parametrize("rule", EXACT)
def test_what_mends_a_rule_computes_the_same_where_it_says_exact(rule):
    breaks, fine, shapes = CASES[rule]
    inputs = [torch.randn(shape, generator=torch.Generator().manual_seed(1)) for shape in shapes]
    torch.testing.assert_close(breaks(*inputs), fine(*inputs))


def test_a_shape_that_is_not_fixed_is_found():
    module = Computes(lambda _, a: a.relu())
    contract = contract_of(module, (4, 8))
    dynamic = torch.export.export(
        module, (torch.ones(4, 8),), dynamic_shapes={"inputs": ({0: torch.export.Dim("rows", min=2)},)}
    )
    graph = Examined(dynamic, contract, {}, element_sizes(FP16))
    assert broken(graph, "neural-engine-dynamic-shape") == ["aten.relu.default"]
    assert not broken(examined(module, (4, 8)), "neural-engine-dynamic-shape")


def test_numbers_that_float16_makes_infinite_are_found_as_constants_and_as_arguments():
    assert broken(examined(masked(-1e9), (4, 4)), "neural-engine-infinity")
    filled = Computes(lambda m, a: a.masked_fill(m.hidden, -math.inf).softmax(-1), hidden=MASK > 0)
    assert broken(examined(filled, (4, 4)), "neural-engine-infinity")
    elsewhere = Computes(lambda m, a: (a + m.mask).relu(), mask=torch.full((4, 4), -math.inf))
    assert not broken(examined(elsewhere, (4, 4)), "neural-engine-infinity")


@pytest.mark.parametrize(
    "module",
    [
        Computes(lambda _, a: a.sum()),
        Computes(lambda _, a: a.mean((-1, -2))),
        Computes(lambda _, a: F.adaptive_avg_pool2d(a, 1)),
    ],
)
def test_reductions_are_found_however_they_are_written(module):
    assert broken(examined(module, BIG), "litert-gpu-large-reduction")


def test_small_reductions_windows_and_single_axes_are_not_found():
    for module in (
        Computes(lambda _, a: a[:, :, :200, :200].sum((2, 3))),
        Computes(lambda _, a: F.adaptive_avg_pool2d(a, 2)),
        Computes(lambda _, a: a.reshape(3, 65536).sum(1)),
    ):
        assert not broken(examined(module, BIG), "litert-gpu-large-reduction")


def test_a_finding_says_what_its_operator_costs():
    graph = examined(
        CASES["litert-gpu-batched-product"][0], HEADS, HEADS, recipe=FP16, parts={"attention": "^$"}
    )
    (finding,) = graph_findings(graph, FP16, [Accelerator("LiteRT GPU", ("gpu",))])
    assert (finding.operator, finding.graph, finding.role) == ("aten.matmul.default", "small", "attention")
    assert finding.inputs == (HEADS, (2, 8, 4))
    assert finding.outputs == ((2, 4, 4),)
    assert (finding.macs, finding.mac_share) == (2 * 4 * 4 * 8, 1.0)
    assert finding.bytes_moved == 2 * (64 + 64 + 32)
    assert "rank 4" in finding.mend


def rules_of_recipe(name: str, **changes) -> set[str]:
    recipe = msgspec.structs.replace(RECIPES[name], **changes)
    accelerators = [each for backend in BACKENDS.values() for each in backend.facts.accelerators]
    return {finding.rule for finding in recipe_findings(recipe, accelerators)}


def test_rules_about_recipes_go_by_the_recipe():
    assert "litert-gpu-w8a16" in rules_of_recipe("onnx-w8a16")
    assert "litert-gpu-w8a16" not in rules_of_recipe("onnx-w8a8")
    assert "neural-engine-float32-recipe" in rules_of_recipe("coreml-fp32-ios17")
    assert "neural-engine-float32-recipe" not in rules_of_recipe("coreml-fp16-ios17")
    assert {"vulkan-vendors", "nnapi-deprecated"} <= rules_of_recipe("onnx-fp32")
    assert recipe_findings(RECIPES["onnx-fp32"], []) == []
    assert set(RECIPE_CHECKS) == {"always", "recipe-float32", "recipe-w8a16"}


@pytest.mark.parametrize(
    ("recipe", "sizes"),
    [
        ("onnx-fp32", (4, 4)),
        ("onnx-fp16", (2, 2)),
        ("tflite-fp16", (4, 2)),
        ("onnx-w8", (4, 1)),
        ("onnx-w8a8", (1, 1)),
        ("onnx-w8a16", (2, 1)),
        ("executorch-w8da8", (4, 1)),
        ("coreml-p4-ios18", (2, 0.5)),
        ("coreml-p6-ios17", (2, 0.75)),
    ],
)
def test_bytes_follow_the_recipe(recipe, sizes):
    assert element_sizes(RECIPES[recipe]) == sizes
