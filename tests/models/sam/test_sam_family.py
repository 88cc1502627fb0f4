"""The family in the table: built by name, deployed, described, refused in one line."""

from __future__ import annotations

import pytest
import torch

import rapsam
from rapsam.contract import ENLARGED_MASKS
from rapsam.errors import CheckpointError, InputError
from rapsam.models.build import build_model, deployment_of, describe_models
from rapsam.models.checkpoint import write_published
from rapsam.models.convert import convert_weights
from rapsam.models.deployment import enlarges_masks, takes_prompts
from rapsam.models.sam.checkpoint_map import to_published
from rapsam.models.sam.config import VARIANTS
from rapsam.models.sam.deployment import SamDeployment
from tests.models.sam.golden_sam import formula_sam
from tests.models.sam.small_networks import ENCODERS, FREE_SIZE, small_sam
from tests.rounding import assert_same

CHEAP = "edge_sam"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file as its authors publish it: a state dict and nothing around it."""
    path = tmp_path_factory.mktemp("published") / "edge_sam_3x.pth"
    state = formula_sam(CHEAP).state_dict()
    write_published(path, {to_published(name): tensor for name, tensor in state.items()}, bare=True)
    return path


def test_every_variant_is_described():
    described = describe_models()
    assert {name: described[name]["parameters"] for name in VARIANTS} == {
        "sam_vit_h": 641_090_608,
        "sam_vit_l": 312_342_832,
        "sam_vit_b": 93_735_472,
        "repvit_sam": 27_223_480,
        "mobile_sam": 10_130_092,
        "edge_sam": 9_582_112,
        "edge_sam_bilinear": 9_582_112,
        "repvit_sam_nano": 5_792_216,
        "edge_sam_nano": 5_002_224,
    }


def test_whoever_loads_edge_sam_is_told_of_its_licence(published):
    notes = []
    model = rapsam.build_model(CHEAP, checkpoint=published, note=notes.append)
    (note,) = notes
    assert note.startswith(
        "edge_sam_3x.pth: the published weights of EdgeSAM are for non-commercial use only"
    )
    state = formula_sam(CHEAP).state_dict()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())


def test_a_file_comes_back_as_it_was(published, tmp_path):
    ours, back = tmp_path / "ours.safetensors", tmp_path / "back.pth"
    convert_weights(published, ours, CHEAP)
    convert_weights(ours, back, CHEAP)
    first, last = (torch.load(path, weights_only=True) for path in (published, back))
    assert list(first) == list(last)
    assert all(torch.equal(first[name], last[name]) for name in first)


def test_weights_of_a_relative_are_named(published):
    with pytest.raises(CheckpointError) as caught:
        rapsam.build_model("repvit_sam", checkpoint=published)
    assert str(caught.value) == (
        f"{published} holds weights of edge_sam and does not fit the model; take the one that they belong "
        "to, or other weights"
    )


def test_a_text_classifier_is_refused():
    with pytest.raises(InputError, match="names no classes by text"):
        rapsam.build_model(CHEAP, classifier="coco_panoptic")


@pytest.mark.parametrize("name", ENCODERS)
def test_reference_and_embedding_are_of_the_same_network(name):
    """What parity compares with, and what runs from a checkpoint, on an image that fills the square."""
    deployment = SamDeployment(small_sam(name))
    assert takes_prompts(deployment)
    image = 255 * torch.rand(1, 3, 96, 96)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in deployment.normalisation)
    embedding = deployment.embed((image - mean) / std)
    assert_same(deployment.reference("encoder", {"image": image})["embedding"], embedding["embedding"])
    prompts = some_prompts(deployment, (96, 96))
    answer, reference = (
        deployment.answer(embedding, prompts),
        deployment.reference("decoder", {**embedding, **prompts}),
    )
    for output, tensor in answer.items():
        assert_same(reference[output], tensor.unsqueeze(0))


def some_prompts(deployment, size):
    _, contract = deployment.build_graph("decoder", size, 3)
    tensors = {key: torch.from_numpy(value) for key, value in contract.example_inputs().items()}
    return {spec.role: tensors[spec.name] for spec in contract.inputs if spec.role != "flow"}


def test_slots_follow_the_number_of_points():
    deployment = SamDeployment(small_sam("repvit"), max_points=5)
    _, contract = deployment.build_graph("decoder", FREE_SIZE, 2)
    shapes = {spec.role: spec.shape for spec in contract.inputs}
    assert shapes["points"] == (1, 2, 7, 2)
    assert shapes["point_labels"] == (1, 2, 7)
    assert shapes["mask_prompt"] == (1, 2, 1, 24, 16)


def test_masks_are_enlarged_where_that_is_asked_for():
    deployment = SamDeployment(small_sam("repvit", torch.float64)).with_enlarged_masks().with_max_points(1)
    assert enlarges_masks(deployment)
    graph, contract = deployment.build_graph("decoder", FREE_SIZE, 2)
    assert [spec.name for spec in contract.outputs] == ["mask_logits", "iou", ENLARGED_MASKS]
    assert contract.outputs[-1].shape == (1, 2, 4, *FREE_SIZE)
    assert deployment.published_graph("decoder", FREE_SIZE, 2)[1].outputs == contract.outputs
    inputs = {name: torch.from_numpy(value).double() for name, value in contract.example_inputs().items()}
    with torch.no_grad():
        masks, _, enlarged = graph(*inputs.values())
    assert_same(enlarged, deployment.reference("decoder", inputs)[ENLARGED_MASKS])
    # Half-pixel centres: a corner of a mask is that of the image, and means stay.
    assert torch.equal(enlarged[..., 0, 0], masks[..., 0, 0])
    assert torch.equal(enlarged[..., -1, -1], masks[..., -1, -1])
    _, plain = SamDeployment(deployment.model).build_graph("decoder", FREE_SIZE, 2)
    assert len(plain.outputs) == 2


def test_masks_of_other_families_are_not_enlarged():
    with pytest.raises(InputError, match="enlarged masks of rapsam_nano, whose graphs enlarge none"):
        deployment_of(build_model("rapsam_nano", checkpoint="formula"), enlarge_masks=True)


def test_one_chooses_by_iou_the_other_by_stability():
    assert deployment_of(formula_sam(CHEAP)).prompts.choice == "stability"
    assert SamDeployment(small_sam("vit")).prompts.choice == "iou"


@pytest.mark.parametrize(
    ("name", "graph", "size", "prompts", "says"),
    [
        (
            "vit",
            "encoder",
            (64, 64),
            1,
            "size 64x64 for vit, whose encoder knows one size only; expected 96x96",
        ),
        ("tiny", "decoder", (96, 64), 1, "expected 96x96"),
        ("repvit", "encoder", (100, 96), 1, "100x96"),
        ("repvit", "encoder", (4096, 96), 1, "at most 2048"),
        ("repvit", "decoder", (96, 96), 65, "65 prompts"),
        ("repvit", "prompt", (96, 96), 1, "encoder"),
    ],
)
def test_impossible_graphs_are_refused(name, graph, size, prompts, says):
    deployment = SamDeployment(small_sam(name))
    for build in (deployment.build_graph, deployment.published_graph):
        with pytest.raises(InputError) as caught:
            build(graph, size, prompts)
        assert says in str(caught.value)
