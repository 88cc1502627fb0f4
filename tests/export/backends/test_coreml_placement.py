from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.coreml.neural_engine import engine_list
from rapsam.export.backends.coreml.package import main_function, read_program
from rapsam.export.backends.coreml.placement import placement
from rapsam.graph.capture import capture, example_tensors
from rapsam.models.build import deployment_of
from tests.models.golden_models import golden_model

SHAPE = (1, 8, 16, 16)


def report_of(module: nn.Module, folder, recipe="coreml-fp16-ios17", shape=SHAPE):
    """Lowers a module of one map and gives the delegation that the artifact tells of."""
    with torch.no_grad():
        result = module(torch.zeros(shape))
    specs = [
        TensorSpec(name=n, shape=tuple(s), dtype="float32", layout="NCHW", value_range=None, meaning="any")
        for n, s in (("x", shape), ("y", result.shape))
    ]
    image_size = (4 * shape[2], 4 * shape[3])
    contract = GraphContract(graph="small", inputs=(specs[0],), outputs=(specs[1],), image_size=image_size)
    path = folder / "small.mlpackage"
    artifact = find_backend("coreml").lower(capture(module, contract), contract, RECIPES[recipe], path)
    return artifact.delegation


def fallbacks(report):
    """Returns the fallbacks by name; of two of one name, one with pixel-sized tensors."""
    return {fallback.op: fallback for fallback in sorted(report.fallbacks, key=lambda each: each.pixel_sized)}


def test_the_probe_is_split_as_its_operators_say(lowered) -> None:
    _, artifact = lowered("coreml-fp16-ios17")
    report = artifact.delegation
    assert (report.delegate, report.provenance) == ("Neural Engine", "estimated")
    assert report.macs > 0
    assert report.mac_share == 1.0
    assert report.ops == report.ops_delegated + sum(fallback.count for fallback in report.fallbacks)
    found = fallbacks(report)
    gather = found["gather"]
    assert (gather.count, gather.pixel_sized, gather.modules) == (4, True, ("sampling",))
    sums = [each for each in report.fallbacks if each.op == "add (int32)"]
    assert any("sampling" in each.modules for each in sums)
    assert {"sin", "cos", "logical_and"} <= set(found)
    assert report.partitions > 2


def test_the_row_gathers_of_the_deformable_convolutions_are_known_as_such(tmp_path) -> None:
    deployment = deployment_of(golden_model("rapsam_nano"))
    module, contract = deployment.build_graph("encoder", (64, 64), 1)
    recipe, path = RECIPES["coreml-fp16-ios17"], tmp_path / "encoder.mlpackage"
    report = find_backend("coreml").lower(capture(module, contract), contract, recipe, path).delegation
    (gather,) = [fallback for fallback in report.fallbacks if fallback.is_deform_gather]
    assert (gather.op, gather.count, gather.pixel_sized) == ("gather", 3, True)
    assert len(gather.modules) == 3
    assert all("deform_conv" in module.split(".") for module in gather.modules)


def test_operators_that_read_pixels_and_give_little_are_pixel_sized(tmp_path) -> None:
    class Largest(nn.Module):
        def forward(self, x):
            return x + x.reshape(8, 256).argmax(1).to(torch.float32).reshape(1, 8, 1, 1)

    found = fallbacks(report_of(Largest(), tmp_path, shape=(1, 8, 16, 16)))
    assert found["reduce_argmax"].pixel_sized


def test_multiply_adds_are_those_of_pytorch(probe, lowered) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        probe.program.module()(*example_tensors(probe.contract))
    for name in ("coreml-fp16-ios16", "coreml-fp32-ios18"):
        _, artifact = lowered(name)
        # The converter folds nothing that multiplies matrices.
        assert artifact.delegation.macs == counter.get_total_flops() // 2


def test_float32_programs_are_not_for_the_engine(lowered) -> None:
    report = lowered("coreml-fp32-ios17")[1].delegation
    assert report.mac_share == 0.0
    assert report.partitions == 0
    assert any(fallback.op == "conv (fp32)" for fallback in report.fallbacks)
    assert not report.problems()  # an estimate is no ground for a refusal


class Plain(nn.Module):
    def __init__(self, dilation=1, kernel=3, factor=2, channels=8):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, kernel, dilation=dilation, padding="same")
        self.norm = nn.BatchNorm2d(4)
        self.factor = factor

    def forward(self, x):
        y = torch.relu(self.norm(self.conv(x)))
        return nn.functional.interpolate(y, scale_factor=self.factor, mode="bilinear")


def test_a_plain_network_is_one_piece(tmp_path) -> None:
    report = report_of(Plain().eval(), tmp_path)
    assert report.partitions == 1
    assert set(fallbacks(report)) == {"cast"}  # at the borders, which are float32
    assert report.macs == report.macs_delegated == 4 * 8 * 9 * 16 * 16


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dilation": 2}, "conv (dilated)"),
        ({"kernel": 15}, "conv (kernel above 13)"),
        ({"factor": 4}, "upsample_bilinear (factor 4)"),
    ],
)
def test_forms_that_sources_do_not_agree_on_are_outside(tmp_path, changes, named) -> None:
    report = report_of(Plain(**changes).eval(), tmp_path)
    fallback = fallbacks(report)[named]
    assert fallback.count == 1
    assert fallback.pixel_sized
    assert (fallback.macs > 0) == named.startswith("conv")


def test_fallbacks_name_their_modules(tmp_path) -> None:
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = Plain(dilation=2), Plain(channels=4)

        def forward(self, x):
            return self.second(self.first(x))

    found = fallbacks(report_of(Outer().eval(), tmp_path))
    assert found["conv (dilated)"].modules in {("first.conv",), ("first.norm",)}


def test_tensors_longer_than_the_oldest_chip_takes_are_outside(tmp_path) -> None:
    class Flat(nn.Module):
        def forward(self, x):
            pixels = x.flatten(2)
            return (pixels @ pixels.transpose(1, 2)).unsqueeze(1)

    report = report_of(Flat(), tmp_path, shape=(1, 4, 136, 128))
    assert fallbacks(report)["matmul (axis above 16384)"].macs == 4 * 4 * 136 * 128
    assert report.mac_share == 0.0


def test_another_gather_is_not_that_of_a_deformable_convolution(tmp_path) -> None:
    class Chosen(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("order", torch.tensor([3, 1, 0, 2] * 2))

        def forward(self, x):
            return torch.index_select(x, 1, self.order)

    gather = fallbacks(report_of(Chosen(), tmp_path))["gather"]
    assert not gather.is_deform_gather


def test_every_entry_of_the_list_has_a_source_and_one_verdict() -> None:
    listed = engine_list()
    assert not set(listed.engine) & set(listed.outside)
    for sources in (*listed.engine.values(), *(entry.sources for entry in listed.outside.values())):
        assert sources
        assert set(sources) <= set(listed.sources)
    assert all(address.startswith("https://") for address in listed.sources.values())


def test_placement_without_the_captured_graph_has_no_modules(probe, lowered) -> None:
    _, artifact = lowered("coreml-fp16-ios17")
    function = main_function(artifact.path, read_program(artifact.path, probe.contract))
    report = placement(function, probe.contract)
    assert report.macs == artifact.delegation.macs
    assert all(fallback.modules == () for fallback in report.fallbacks)
