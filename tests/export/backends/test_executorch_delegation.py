from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.errors import UnavailableError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.runtimes import RUNTIMES
from rapsam.export.capture import capture
from rapsam.export.recipes import RECIPES, find_recipe
from tests.export.backends.delegation_case import MACS, RunningSum, Small, small_contract, summary

# PyTorch's own use of its own deprecated class.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
GATHER = ("aten.index_select.default", 1, ("deform_conv",), True, True)
CAST = ("dim_order_ops._to_dim_order_copy.default", 1, ("deform_conv",), True, True)


class ComputedKernel(nn.Module):
    """A convolution that XNNPACK does not take: its weights are computed."""

    def forward(self, x):
        kernel = x.narrow(0, 0, 5).reshape(5, 5, 1, 1)
        return nn.functional.conv2d(x.t().reshape(1, 5, 8, 8), kernel).reshape(5, 64).t()


def report_on(module, folder, recipe="executorch-fp32"):
    contract, recipe = small_contract(), RECIPES[recipe]
    backend = BACKENDS[recipe.backend]
    if backend.unavailable():
        pytest.skip(backend.unavailable())
    artifact = backend.lower(capture(module, contract), contract, recipe, folder / "small.pte")
    assert artifact.path.stat().st_size == artifact.size_bytes
    return artifact.delegation


def test_only_the_row_gather_and_its_cast_fall_back(tmp_path) -> None:
    report = report_on(Small(), tmp_path)
    assert (report.delegate, report.provenance) == ("XNNPACK", "measured")
    assert (report.macs, report.macs_delegated, report.partitions) == (MACS, MACS, 2)
    assert summary(report) == {GATHER, CAST}
    assert report.ops == report.ops_delegated + 2
    assert report.problems() == ()


def test_operators_that_fall_back_are_named_with_their_module_and_size(tmp_path) -> None:
    report = report_on(Small(RunningSum()), tmp_path)
    assert summary(report) == {
        GATHER,
        CAST,
        ("aten.cumsum.default", 1, ("other",), True, False),
        ("aten.cumsum.default", 1, ("other",), False, False),
    }
    (problem,) = report.problems()
    assert "1 aten.cumsum.default of other" in problem


def test_multiply_adds_outside_the_delegate_are_counted(tmp_path) -> None:
    report = report_on(Small(ComputedKernel()), tmp_path)
    assert (report.macs, report.macs_delegated) == (MACS + 64 * 5 * 5, MACS)
    assert report.fallbacks[0].macs == 64 * 5 * 5
    assert any("multiply-adds" in problem for problem in report.problems())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_vulkan_programs_are_lowered_here_and_run_elsewhere(tmp_path, precision) -> None:
    report = report_on(Small(RunningSum()), tmp_path, f"executorch-vulkan-{precision}")
    assert report.delegate == "Vulkan"
    assert report.macs == report.macs_delegated == MACS
    assert {f.op for f in report.fallbacks if f.modules == ("other",)} == {"aten.cumsum.default"}
    assert_only_lowers("executorch-vulkan", tmp_path, b"VulkanBackend", "Android")


def test_core_ml_programs_are_lowered_here_and_run_elsewhere(tmp_path) -> None:
    report = report_on(Small(), tmp_path, "executorch-coreml-fp16-ios17")
    assert (report.delegate, report.macs, report.macs_delegated) == ("Core ML", MACS, MACS)
    assert report.problems() == ()
    assert_only_lowers("executorch-coreml", tmp_path, b"CoreMLBackend", "iPhone")


def assert_only_lowers(backend, folder, delegate, where) -> None:
    path = folder / "small.pte"
    assert delegate in path.read_bytes()
    (runtime,) = RUNTIMES[backend]
    assert where in runtime.cannot_run()
    with pytest.raises(UnavailableError, match=where):
        runtime.load(path, small_contract())


def test_targets_of_executorch_have_recipes() -> None:
    assert find_recipe("executorch-vulkan", "fp16").name == "executorch-vulkan-fp16"
    recipe = find_recipe("executorch-coreml", "fp32", 18)
    assert (recipe.name, recipe.deployment_target) == ("executorch-coreml-fp32-ios18", "iOS18")
    assert recipe.backend in BACKENDS


def test_what_an_embedding_looks_up_in_weights_is_no_row_gather(tmp_path) -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deform_conv = nn.Embedding(64, 5)

        def forward(self, x):
            return x + self.deform_conv(torch.clamp(x.narrow(1, 0, 1).reshape(64), 0, 63).to(torch.int32))

    report = report_on(Small(Lookup()), tmp_path)
    assert ("aten.embedding.default", 1, ("other.deform_conv",), True, False) in summary(report)
