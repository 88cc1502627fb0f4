from __future__ import annotations

import pytest
import torch
from torch import nn

import rapsam
from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.capture import capture
from rapsam.graph.macs import count_macs
from rapsam.models.build import deployment_of
from tests.export.conftest import SIZE


def spec(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(
        name=name, shape=shape, dtype="float32", layout="", value_range=None, meaning="anything"
    )


def test_multiply_adds_are_counted():
    module = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.Flatten(2), nn.Linear(80, 7))
    contract = GraphContract(graph="small", inputs=(spec("x", 1, 4, 8, 10),), outputs=(spec("y", 1, 6, 7),))
    assert count_macs(module, contract) == 80 * 4 * 6 * 9 + 6 * 80 * 7
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}


def test_a_network_with_two_paths_to_its_decoder_keeps_its_weights():
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    module, contract = deployment_of(model).published_graph("panoptic_image", SIZE, 1)
    assert count_macs(module, contract) > 0
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cpu"}


class Constant(nn.Module):
    """Half of its products depend on weights alone."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = (nn.Parameter(torch.randn(16, 16)) for _ in range(2))

    def forward(self, x):
        return x @ (self.left @ self.right)


def test_a_captured_graph_counts_what_is_left_of_it():
    contract = GraphContract(graph="small", inputs=(spec("x", 16, 16),), outputs=(spec("y", 16, 16),))
    program = capture(Constant(), contract)
    assert count_macs(Constant(), contract) == 2 * 16**3
    assert count_macs(program.module(check_guards=False), contract) == 16**3


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # PyTorch's own use of its own class
def test_a_bundle_tells_what_is_left_after_folding(made_bundle):
    _, manifest, _ = made_bundle
    deployment = deployment_of(rapsam.build_model("rapsam_nano", checkpoint="formula"))
    for entry in manifest.graphs:
        module, contract = deployment.build_graph(entry.contract.graph, SIZE, 2, "grid")
        program = capture(module, contract)
        assert entry.macs_after == count_macs(program.module(check_guards=False), contract)
