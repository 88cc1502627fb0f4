"""Values that float16 cannot hold: found on samples, with module and worst value."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.export.backends.base import Accelerator
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.lint.checks import NORMS
from rapsam.export.lint.findings import graph_findings
from rapsam.export.lint.ranges import LIMITS, measure_ranges, worst_values
from tests.export.lint.lint_cases import FP16, Computes, examined

GPU = Accelerator("LiteRT GPU", ("gpu",), always_half=True)
ENGINE = Accelerator("Neural Engine", ("all",))


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.LayerNorm(4)

    def forward(self, values):
        return self.inner(values * 2)


def samples(*values: float, shape=(3, 4)):
    return [{"input_0": np.full(shape, value, np.float32)} for value in values]


def found(graph, ranges, accelerator=ENGINE, recipe=FP16, *, trained=True):
    findings = graph_findings(graph, recipe, [accelerator], ranges, trained=trained)
    return [finding for finding in findings if finding.rule.startswith("fp16-")]


def test_a_norm_that_takes_too_much_is_found_with_its_worst_value():
    graph = examined(Normed(), (3, 4))
    (finding,) = found(graph, measure_ranges(graph, samples(1, 200, 3)))
    assert (finding.rule, finding.severity, finding.module) == ("fp16-norm-range", "error", "inner")
    assert finding.detail == "layer norm input up to 400 on 3 images"
    assert found(graph, measure_ranges(graph, samples(1, 128, 3))) == []


@pytest.mark.parametrize(
    ("function", "value", "detail"),
    [
        (lambda _, a: a.sum((0, 1)), 6000, "sum up to 72,000"),
        (lambda _, a: a.mean(1), 20000, "sum up to 80,000"),
        (lambda _, a: a * a, 300, "result up to 90,000"),
    ],
)
def test_sums_means_and_results_above_what_float16_holds_are_found(function, value, detail):
    graph = examined(Computes(function), (3, 4))
    (finding,) = found(graph, measure_ranges(graph, samples(value)))
    assert finding.rule == "fp16-value-range"
    assert finding.detail.startswith(detail)
    assert found(graph, measure_ranges(graph, samples(value / 10))) == []


def test_a_value_that_is_not_a_number_counts_as_infinite():
    graph = examined(Computes(lambda _, a: (a - 1).log()), (3, 4))
    ranges = measure_ranges(graph, samples(0.5))
    assert math.inf in ranges.values.values()
    assert found(graph, ranges)
    (worst,) = worst_values(graph, ranges)
    assert worst.value is None  # JSON knows no infinity


def test_an_accelerator_that_computes_in_float32_has_no_such_findings():
    graph = examined(Computes(lambda _, a: a * a), (3, 4))
    ranges = measure_ranges(graph, samples(300))
    assert found(graph, ranges, ENGINE, RECIPES["coreml-fp32-ios17"]) == []
    assert found(graph, ranges, GPU, RECIPES["tflite-fp32"])


def test_values_of_weights_that_have_learnt_nothing_are_notes():
    graph = examined(Computes(lambda _, a: a * a), (3, 4))
    (finding,) = found(graph, measure_ranges(graph, samples(300)), trained=False)
    assert finding.severity == "note"
    assert "learnt nothing" in finding.detail


def test_the_worst_value_of_each_kind_is_told_with_its_place():
    graph = examined(nn.Sequential(Normed(), Computes(lambda _, a: a.sum(0))), (3, 4))
    ranges = measure_ranges(graph, samples(1, -7))
    norm, total, result = worst_values(graph, ranges)
    assert (norm.what, norm.value, norm.module, norm.limit) == ("layer norm input", 14.0, "0.inner", 256)
    assert (total.what, total.operator) == ("sum", "aten.sum.dim_IntList")
    assert (result.what, result.value) == ("result", 14.0)
    assert ranges.images == 2
    assert set(LIMITS) == {norm.what, total.what, result.what}
    assert "aten.layer_norm" in NORMS


def test_the_graph_that_runs_is_the_graph_that_was_captured():
    graph = examined(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (1, 3, 8, 8))
    torch.manual_seed(0)
    values = np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)
    ranges = measure_ranges(graph, [{"input_0": values}])
    with torch.no_grad():
        wanted = graph.program.module(check_guards=False)(torch.from_numpy(values))
    last = list(graph.operators())[-1]
    assert ranges.values[last.name, "result"] == float(torch.as_tensor(wanted).abs().max())
