"""The seam of backbones: another one, defined here, makes a RAP-SAM whose graphs are captured and exact."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from rapsam.errors import CheckpointError
from rapsam.graph.capture import capture
from rapsam.models.backbones.backbone import BackboneConfig, WeightLayout
from rapsam.models.backbones.published_weights import load_backbone
from rapsam.models.build import build_model
from rapsam.models.classifier_file import find_classifier
from rapsam.models.rapsam.build import build_rapsam
from rapsam.models.rapsam.config import RapSamConfig
from rapsam.models.rapsam.deployment import RapSamDeployment
from rapsam.models.rapsam.graphs import GRAPHS, build_graph
from rapsam.models.rapsam.model import RapSam
from rapsam.models.rapsam.rewrites.neck import BasisNeck
from tests.rounding import assert_same

SIZE = (64, 96)


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Shape of a chain of strided convolutions, one map from each."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def weight_layout(self) -> WeightLayout:
        return WeightLayout(description="chain of convolutions", first_layer="steps", left_out=("head.",))

    def build(self) -> nn.Module:
        return StepBackbone(self)


class StepBackbone(nn.Module):
    def __init__(self, config: Steps) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        inputs, before = 3, 1
        for channels, stride in zip(config.channels, config.strides, strict=True):
            factor = stride // before
            self.steps.append(nn.Conv2d(inputs, channels, factor + 1, factor, factor // 2))
            inputs, before = channels, stride

    def forward(self, x):
        maps = []
        for step in self.steps:
            x = step(x).relu()
            maps.append(x)
        return tuple(maps)


FOUR = Steps(channels=(6, 10, 14, 20), strides=(4, 8, 16, 32))
THREE = Steps(channels=(8, 12, 18), strides=(8, 16, 32))


def network(backbone: BackboneConfig) -> RapSam:
    torch.manual_seed(0)
    config = RapSamConfig(
        backbone=backbone, aggregation_width=16, hidden_width=32, ffn_width=48, num_heads=4, num_queries=9
    )
    return build_rapsam("steps", config, find_classifier("synth", config.embedding_width)).eval()


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.mark.parametrize(("backbone", "stride"), [(FOUR, 4), (THREE, 8)])
def test_a_network_with_another_backbone_runs(backbone, stride):
    model = network(backbone)
    assert model.mask_stride == stride
    image = torch.randn(1, 3, *SIZE)
    side = (SIZE[0] // stride, SIZE[1] // stride)
    output = model(image)
    assert output.features.shape == (1, 32, *side)
    assert output.stages[-1].mask_logits.shape == (1, 9, *side)
    prompted = model(image, torch.tensor([[[10.0, 20.0], [50.0, 30.0]]]))
    assert prompted.stages[-1].mask_logits.shape == (1, 2, *side)


@pytest.mark.parametrize("sampling", ["rows", "grid"])
@pytest.mark.parametrize("backbone", [FOUR, THREE])
def test_the_neck_for_one_size_follows_the_strides(backbone, sampling):
    model = network(backbone).double()
    maps = model.backbone(torch.randn(1, 3, *SIZE, dtype=torch.float64))
    assert_same(BasisNeck(model.neck, SIZE, sampling)(maps), model.neck.basis(maps))


@pytest.mark.parametrize("backbone", [FOUR, THREE], ids=["stride 4", "stride 8"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_graphs_with_another_backbone_are_captured_and_exact(graph, backbone):
    model = network(backbone).double()
    image = torch.rand(1, 3, *SIZE, dtype=torch.float64) * 255
    inputs = {"image": image, "features": build_graph(model, "encoder", SIZE)[0](image)}
    inputs["boxes"] = torch.tensor([[[0.1, 0.2, 0.6, 0.7], [0.5, 0.5, 0.52, 0.52]]], dtype=torch.float64)
    module, contract = build_graph(model, graph, SIZE, num_prompts=2)
    named = {spec.name: inputs[spec.name] for spec in contract.inputs}
    given = tuple(named.values())
    wanted = RapSamDeployment(model).reference(graph, named)
    for spec, made in zip(contract.outputs, tuple_of(module(*given)), strict=True):
        assert_same(made, wanted[spec.name])
    # What is captured has float32 weights and inputs, as every deployed graph.
    module, _ = build_graph(network(backbone), graph, SIZE, num_prompts=2)
    single = [tensor.float() for tensor in given]
    captured = tuple_of(capture(module, contract).module()(*single))
    for spec, made, result in zip(contract.outputs, tuple_of(module(*single)), captured, strict=True):
        assert tuple(result.shape) == spec.shape
        torch.testing.assert_close(result, made, rtol=1e-4, atol=1e-4)


def tuple_of(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs


def test_a_backbone_says_which_weight_files_fit_it(tmp_path):
    model, other = network(FOUR), network(FOUR)
    state = {name: tensor + 1 for name, tensor in model.backbone.state_dict().items()}
    torch.save({**state, "head.weight": torch.zeros(10, 20)}, tmp_path / "whole.pth")
    load_backbone(other.backbone, FOUR.weight_layout, tmp_path / "whole.pth")
    assert all(torch.equal(tensor, state[name]) for name, tensor in other.backbone.state_dict().items())
    torch.save(build_model("rapsam_nano").backbone.state_dict(), tmp_path / "resnet.pth")
    with pytest.raises(CheckpointError, match="has no 'steps'; expected a chain of convolutions"):
        load_backbone(other.backbone, FOUR.weight_layout, tmp_path / "resnet.pth")


def test_strides_that_do_not_double_are_noticed():
    with pytest.raises(AssertionError, match="4, 16"):
        network(Steps(channels=(8, 16), strides=(4, 16)))
