"""The deployable graphs against the trainable network, and the rewrites that they are made with."""

from __future__ import annotations

import pytest
import torch

from rapsam.errors import InputError
from rapsam.models.build import deployment_of
from rapsam.models.rapsam.graphs import GRAPHS, build_graph
from tests.models.golden_models import golden_model

SIZE = (96, 128)


def tensors(contract, seed=0):
    return {name: torch.from_numpy(array) for name, array in contract.example_inputs(seed).items()}


@pytest.mark.parametrize("variant", ["rapsam_nano", "rapsam_r18"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_graph_computes_what_the_network_computes(variant, graph):
    model = golden_model(variant)
    module, contract = build_graph(model, graph, SIZE, num_prompts=3)
    inputs = tensors(contract)
    if "features" in inputs:
        # Features of an image: random ones put every mask logit near the threshold.
        encoder, encoder_contract = build_graph(model, "encoder", SIZE)
        inputs["features"] = encoder(*tensors(encoder_contract).values())
    outputs = module(*inputs.values())
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    expected = deployment_of(model).reference(graph, inputs)
    assert [spec.name for spec in contract.outputs] == list(expected)
    for spec, output in zip(contract.outputs, outputs, strict=True):
        assert tuple(output.shape) == spec.shape
        error = (output - expected[spec.name]).abs()
        scale = expected[spec.name].abs().max()
        # A pixel that rounding flips moves its query; all others agree.
        assert error.flatten().quantile(0.9) <= 1e-4 * scale, spec.name
        assert error.max() <= 2e-2 * scale, spec.name


def test_making_graphs_leaves_the_model_alone():
    model = golden_model("rapsam_nano")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for graph in GRAPHS:
        build_graph(model, graph, SIZE)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


def test_prompts_of_one_pass_do_not_mix():
    model = golden_model("rapsam_nano")
    encoder, contract = build_graph(model, "encoder", SIZE)
    features = encoder(*tensors(contract).values())
    boxes = torch.tensor([[[0.1, 0.2, 0.6, 0.7], [0.5, 0.5, 0.52, 0.52], [0.0, 0.0, 1.0, 1.0]]])
    together = build_graph(model, "prompt", SIZE, num_prompts=3)[0](features, boxes)[0]
    single = build_graph(model, "prompt", SIZE)[0]
    for k in range(3):
        alone = single(features, boxes[:, k : k + 1])[0][:, 0]
        torch.testing.assert_close(alone, together[:, k], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "prompts", "graph", "says"),
    [
        ((100, 128), 1, "encoder", "100x128"),
        ((0, 64), 1, "encoder", "0x64"),
        ((4096, 64), 1, "encoder", "2048"),
        ((64, 64), 0, "prompt", "0 prompts"),
        ((64, 64), 65, "prompt", "65 prompts"),
        ((64, 64), 1, "panoptik", "panoptic"),
    ],
)
def test_impossible_graphs_are_refused(size, prompts, graph, says):
    with pytest.raises(InputError) as caught:
        build_graph(golden_model("rapsam_nano"), graph, size, prompts)
    assert says in str(caught.value)
