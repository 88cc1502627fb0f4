from __future__ import annotations

import json
from collections import defaultdict

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from rapsam.errors import UnavailableError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES, find_recipe
from rapsam.export.backends.coreml import emulation as coreml_emulation
from rapsam.graph.capture import capture
from tests.export.backends.delegation_case import MACS, LargestRow, RunningSum, Small, small_contract, summary

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


def test_operators_that_read_pixels_and_give_little_are_pixel_sized(tmp_path) -> None:
    report = report_on(Small(LargestRow()), tmp_path)
    assert ("aten.argmax.default", 1, ("other",), True, False) in summary(report)
    assert ("dim_order_ops._to_dim_order_copy.default", 1, ("other",), False, False) in summary(report)
    (problem,) = report.problems()
    assert "1 aten.argmax.default of other" in problem


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
    assert {f.op for f in report.fallbacks} == {"aten.cumsum.default"}
    assert_only_lowers("executorch-vulkan", tmp_path, b"VulkanBackend", "Android")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_core_ml_programs_are_lowered_here_and_run_elsewhere(tmp_path, precision) -> None:
    report = report_on(Small(), tmp_path, f"executorch-coreml-{precision}-ios17")
    assert (report.delegate, report.macs, report.macs_delegated) == ("Core ML", MACS, MACS)
    assert report.problems() == ()
    assert_only_lowers("executorch-coreml", tmp_path, b"CoreMLBackend", "iPhone")


class Delicate(nn.Module):
    """What needs care in float16.

    A layer norm whose small number vanishes in it, and operators that Core ML Tools makes float32, before one
    that wants a single type.
    """

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 5)
        self.norm = nn.LayerNorm(5, eps=1e-10)
        self.up = nn.ConvTranspose2d(5, 5, 1)

    def forward(self, image):
        corner = image.narrow(2, 0, 8).narrow(3, 0, 8).reshape(3, 64).t()
        normed = self.norm(self.linear(corner) * 1e-4)
        shifted = (0.25 - normed).clamp_min(-0.5)
        maps = (shifted / (1.5 + shifted)).t().reshape(1, 5, 8, 8)
        moved = nn.functional.pad(maps, (1, 0, 0, 0)).narrow(3, 0, 8)
        return self.up(moved).reshape(5, 64).t().reshape(1, 64, 5)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("fp16", 5e-3)])
def test_the_core_ml_delegate_computes_what_pytorch_does(tmp_path, precision, tolerance) -> None:
    module = Delicate().eval()
    report = report_on(module, tmp_path, f"executorch-coreml-{precision}-ios17")
    assert report.ops == report.ops_delegated
    inputs = small_contract().example_inputs()
    with torch.no_grad():
        expected = module(torch.from_numpy(inputs["image"])).numpy()
    error = np.abs(run_core_ml_delegate(tmp_path / "small.pte", inputs["image"]) - expected).max()
    assert error < tolerance
    assert (error > 1e-5) == (precision == "fp16")  # it is float16, but for what needs more


def run_core_ml_delegate(path, image):
    """Takes the package out of a program that is all delegate, and emulates it."""
    from executorch.backends.apple.coreml import executorchcoreml
    from executorch.exir._serialize._program import deserialize_pte_binary

    (part,) = deserialize_pte_binary(path.read_bytes()).program.backend_delegate_data
    folder = path.with_suffix("")
    folder.mkdir()
    assert executorchcoreml.unflatten_directory_contents(bytes(part.data), str(folder))
    names = json.loads((folder / "lowered_module/metadata.json").read_text())
    contract = small_contract()
    (given,), (made,) = (
        [msgspec.structs.replace(spec, name=name) for spec, name in zip(specs, named, strict=True)]
        for specs, named in ((contract.inputs, names["inputNames"]), (contract.outputs, names["outputNames"]))
    )
    contract = msgspec.structs.replace(contract, inputs=(given,), outputs=(made,))
    runner = coreml_emulation.load(folder / "lowered_module/model.mlpackage", contract)
    return runner.run({given.name: image})[made.name]


@pytest.mark.filterwarnings("ignore:read_binary is deprecated")  # ExecuTorch's own use of it
def test_the_vulkan_delegate_is_told_to_compute_layer_norms_in_float32(tmp_path) -> None:
    report_on(Delicate(), tmp_path, "executorch-vulkan-fp16")
    kinds = vulkan_types(tmp_path / "small.pte")
    assert kinds["aten.native_layer_norm.default"] == {"FLOAT32"}
    assert kinds["aten.linear.default"] == kinds["aten.mul.Tensor"] == {"FLOAT16"}


def vulkan_types(path):
    """Returns by operator the types of all tensors that it reads and makes, numbers of rows aside."""
    from executorch.backends.vulkan.serialization import vulkan_graph_serialize as serialize
    from executorch.exir._serialize._program import deserialize_pte_binary

    (part,) = deserialize_pte_binary(path.read_bytes()).program.backend_delegate_data
    graph = serialize.flatbuffer_to_vk_graph(serialize.extract_vk_flatbuffer(bytes(part.data)))
    found = defaultdict(set)
    for call in graph.chain:
        values = [graph.values[number].value for number in call.args]
        found[call.name].update(value.datatype.name for value in values if hasattr(value, "datatype"))
    return found


def assert_only_lowers(backend, folder, delegate, where) -> None:
    path = folder / "small.pte"
    assert delegate in path.read_bytes()
    (runtime,) = RUNTIMES[backend]
    assert where in runtime.cannot_run()
    with pytest.raises(UnavailableError, match=where):
        runtime.load(path, small_contract())


class Positions(nn.Module):
    """A constant that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.arange(64.0).reshape(64, 1), persistent=False)

    def forward(self, x):
        return x + self.rows


@pytest.mark.parametrize(
    "recipe", ["executorch-fp32", "executorch-vulkan-fp32", "executorch-coreml-fp32-ios17"]
)
def test_the_captured_graph_is_left_as_it_was(tmp_path, recipe) -> None:
    contract, module = small_contract(), Small(Positions()).eval()
    program = capture(module, contract)
    backend = BACKENDS[RECIPES[recipe].backend]
    if backend.unavailable():
        pytest.skip(backend.unavailable())
    backend.lower(program, contract, RECIPES[recipe], tmp_path / "small.pte")
    image = torch.from_numpy(contract.example_inputs()["image"])
    torch.testing.assert_close(program.module()(image), module(image))


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
