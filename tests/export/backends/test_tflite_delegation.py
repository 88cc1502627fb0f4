from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from tests.export.backends.delegation_case import MACS, LargestRow, RunningSum, Small, small_contract, summary

# PyTorch's own use of its own deprecated class.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
GATHER = ("EMBEDDING_LOOKUP", 1, ("deform_conv",), True, True)
CAST = ("CAST", 1, ("deform_conv",), True, True)


class OddProduct(nn.Module):
    """A product of two activations that stays FULLY_CONNECTED: five channels cannot be halved."""

    def forward(self, x):
        x = x.unsqueeze(0)
        return ((x @ x.transpose(1, 2)) @ x).squeeze(0)


class Everything(nn.Module):
    """Whatever the form rewrites: a hard mask, a pool of it, a maximum pool, a bias after a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.linear = nn.Linear(4, 4)
        self.extra = nn.Parameter(torch.randn(4))
        self.out = nn.Linear(4, 5)

    def forward(self, image):
        features = self.pool(self.conv(image).relu()).flatten(2)
        queries = self.extra + self.linear(features.narrow(2, 0, 1).transpose(1, 2))
        mask = (queries @ features > 0).to(torch.float32)
        pooled = mask @ features.transpose(1, 2)
        return self.out(pooled + features.transpose(1, 2))


def lowered(module, folder):
    contract, backend = small_contract(), BACKENDS["tflite"]
    if backend.unavailable():
        pytest.skip(backend.unavailable())
    path = folder / "small.tflite"
    return backend.lower(capture(module, contract), contract, RECIPES["tflite-fp32"], path)


def test_only_the_row_gather_and_its_cast_fall_back(tmp_path) -> None:
    report = lowered(Small(), tmp_path).delegation
    assert (report.delegate, report.provenance) == ("XNNPACK", "measured")
    assert (report.macs, report.macs_delegated, report.partitions) == (MACS, MACS, 2)
    assert summary(report) == {GATHER, CAST}
    assert report.ops == report.ops_delegated + 2
    assert report.problems() == ()


def test_operators_that_fall_back_are_named_with_their_module_and_size(tmp_path) -> None:
    report = lowered(Small(RunningSum()), tmp_path).delegation
    assert summary(report) == {
        GATHER,
        CAST,
        ("CUMSUM", 1, ("other",), True, False),
        ("CUMSUM", 1, ("other",), False, False),
    }
    (problem,) = report.problems()
    assert "1 CUMSUM of other" in problem


def test_operators_that_read_pixels_and_give_little_are_pixel_sized(tmp_path) -> None:
    report = lowered(Small(LargestRow()), tmp_path).delegation
    assert ("ARG_MAX", 1, ("other",), True, False) in summary(report)
    assert ("CAST", 1, ("other",), False, False) in summary(report)
    (problem,) = report.problems()
    assert "1 ARG_MAX of other" in problem


def test_multiply_adds_outside_the_delegate_are_counted(tmp_path) -> None:
    report = lowered(Small(OddProduct()), tmp_path).delegation
    assert report.macs == MACS + 2 * 64 * 64 * 5
    assert report.macs_delegated == MACS + 64 * 64 * 5
    assert report.fallbacks[0].op == "FULLY_CONNECTED"
    assert any("multiply-adds" in problem for problem in report.problems())


def test_what_the_form_rewrites_is_delegated_and_stays_the_same(tmp_path) -> None:
    contract, module = small_contract(), Everything().eval()
    artifact = lowered(module, tmp_path)
    assert artifact.delegation.fallbacks == ()
    assert artifact.delegation.macs_delegated == artifact.delegation.macs > 0
    inputs = contract.example_inputs()
    result = BACKENDS["tflite"].load(artifact.path, contract).run(inputs)["rows"]
    with torch.no_grad():
        expected = module(torch.from_numpy(inputs["image"])).numpy()
    np.testing.assert_allclose(result, expected, atol=1e-4)
