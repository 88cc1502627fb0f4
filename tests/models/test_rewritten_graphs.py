"""Whole rewritten graphs, in float64: against the trained network, and against the golden files."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rapsam.models.build import deployment_of
from rapsam.models.rapsam.graphs import (
    GRAPHS,
    PanopticGraph,
    PanopticImageGraph,
    PromptGraph,
    build_graph,
    published_graph,
)
from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.preprocess import normalise_and_pad
from rapsam.tasks.prompt import normalised_boxes, point_to_box
from tests.golden_files import golden
from tests.models.golden_models import golden_model
from tests.models.golden_stages import MAX_MOVED_SHARE, STAGES, Moved, check_masks, check_values
from tests.rounding import assert_same


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def exact_model(name: str) -> RapSam:
    return copy.deepcopy(golden_model(name)).double()


@pytest.mark.parametrize("narrow", [False, True], ids=["plain", "narrow"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_whole_graphs_are_exact_in_float64(graph, narrow):
    model = exact_model("rapsam_nano")
    deployment = deployment_of(model)
    encoder = build_graph(model, "encoder", (64, 96))[0]
    image = torch.rand(1, 3, 64, 96, dtype=torch.float64) * 255
    inputs = {"image": image, "features": encoder(image)}
    inputs["boxes"] = torch.tensor([[[0.1, 0.2, 0.6, 0.7], [0.5, 0.5, 0.52, 0.52]]], dtype=torch.float64)
    module, contract = build_graph(model, graph, (64, 96), num_prompts=2, narrow=narrow)
    given_inputs = {spec.name: inputs[spec.name] for spec in contract.inputs}
    made = module(*given_inputs.values())
    made = (made,) if isinstance(made, torch.Tensor) else made
    expected = deployment.reference(graph, given_inputs).values()
    for result, wanted in zip(made, expected, strict=True):
        assert_same(result, wanted)


def check_stages(
    files, graph: PanopticGraph | PromptGraph, *inputs: Tensor
) -> tuple[tuple[Tensor, ...], Moved]:
    """Runs a decoder and compares the start and every stage with a golden file.

    Returns:
        Its outputs, and the queries that had moved before the last stage.
    """
    seen: list[tuple[Tensor, ...]] = []

    def note(_part: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, Tensor]) -> None:
        seen.append((output,) if isinstance(output, Tensor) else output)

    for part in (graph.mask_product, *graph.stages, graph.adapter):
        part.register_forward_hook(note)
    outputs = graph(*inputs)
    before = after = np.zeros(len(files["mask_init_npos"]), bool)
    for stage, (*queries, mask_logits) in zip(STAGES, seen, strict=True):
        before = after
        for found in queries:
            check_values("queries", found[0], files[f"kern_{stage}"], before)
        logits = mask_logits[0].unflatten(-1, inputs[0].shape[-2:])
        after = check_masks(files, stage, logits.numpy(), before)
    assert before.mean() <= MAX_MOVED_SHARE
    return outputs, before


@pytest.mark.parametrize(("backbone", "sampling"), [("r18", "rows"), ("r50", "grid")])
def test_rewritten_image_graphs_give_the_golden_outputs(backbone, sampling):
    files = golden(f"pan_{backbone}_256x320")
    assert files["image_uint8"].shape == (256, 320, 3)
    image = torch.from_numpy(files["image_uint8"].transpose(2, 0, 1)[None].astype(np.float64))
    model = exact_model(f"rapsam_{backbone}")
    module, _ = build_graph(model, "panoptic_image", (256, 320), sampling=sampling)
    assert isinstance(module, PanopticImageGraph)
    (class_logits, *_), moved = check_stages(files, module.panoptic, module.encoder(image))
    check_values("class", class_logits[0], files["cls_s3"], moved)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("int_r18_points_k5", "rapsam_r18"),
        ("int_r18_boxes_k1", "rapsam_r18"),
        ("int_r50_pad_points_k5", "rapsam_r50"),
    ],
)
def test_rewritten_prompt_graphs_give_the_golden_outputs(name, variant):
    files, model = golden(name), exact_model(variant)
    pixels, geometry = normalise_and_pad(files["image_uint8"], tuple(files["ori_shape"].tolist()))
    basis = model.neck.basis(model.backbone(torch.from_numpy(pixels).double()))
    prompts = point_to_box(files["points_xy"]) if "points_xy" in files else files["boxes_xyxy"]
    boxes = torch.from_numpy(normalised_boxes(prompts, geometry)).double()
    module, _ = build_graph(model, "prompt", pixels.shape[-2:], num_prompts=boxes.shape[1])
    assert isinstance(module, PromptGraph)
    (_, iou), moved = check_stages(files, module, basis, boxes)
    assert not moved.any()
    check_values("IoU", iou[0], files["iou_s3"], moved)


def test_published_graphs_speak_of_mask_features():
    model = golden_model("rapsam_nano")
    module, contract = published_graph(model, "encoder", (64, 64))
    assert contract.outputs[0].shape == (1, 128, 16, 16)
    image = torch.rand(1, 3, 64, 64) * 255
    rewritten, rewritten_contract = build_graph(model, "encoder", (64, 64))
    assert rewritten_contract.outputs[0].shape == (1, 66, 16, 16)
    features = model.neck.feature_conv(rewritten(image))
    torch.testing.assert_close(features, module(image), rtol=1e-4, atol=1e-4)
