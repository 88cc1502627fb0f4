"""Prompt encoder and decoder, which all variants share, against outputs of the original on one embedding."""

from __future__ import annotations

import json

import pytest
import torch

from rapsam.models.formula import formula_normal
from rapsam.models.sam.formula import formula_state_dict
from rapsam.models.sam.mask_decoder import MaskDecoder
from rapsam.models.sam.prompt_encoder import PromptEncoder
from tests.models.sam.golden_sam import IOU, LOGITS, TOKENS, close, sam_golden

SIDE, GRID = (1024, 1024), (64, 64)
CASES = (
    *("p1", "p1_neg", "p5", "p2_pad", "box", "box_p2"),
    *("mask_only", "p1_mask", "boxes_b3", "points_b2"),
)


def with_formula(module, prefix):
    named = {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
    made = formula_state_dict(named)
    module.load_state_dict({name.removeprefix(f"{prefix}."): tensor for name, tensor in made.items()})
    return module.eval().double()


@pytest.fixture(scope="module")
def prompt_encoder():
    return with_formula(PromptEncoder(), "prompt_encoder")


@pytest.fixture(scope="module")
def decoder():
    return with_formula(MaskDecoder(), "mask_decoder")


def by_formula(key, shape):
    return torch.from_numpy(formula_normal(key, shape)).float().double()


def prompt(case):
    """Points and labels as the original makes them: a padding point without a box, corners behind points."""
    points = torch.tensor(case.get("pts", []), dtype=torch.float64)
    labels = torch.tensor(case.get("lab", []))
    corners = torch.tensor(case.get("box", []), dtype=torch.float64).reshape(-1, 2, 2)
    count = max(len(points), len(corners), 1)
    if "pts" not in case:
        points, labels = torch.zeros(count, 0, 2, dtype=torch.float64), torch.zeros(count, 0)
    elif "box" not in case:
        points = torch.cat([points, torch.zeros(count, 1, 2, dtype=torch.float64)], 1)
        labels = torch.cat([labels, torch.full((count, 1), -1)], 1)
    if "box" in case:
        points = torch.cat([points, corners], 1)
        labels = torch.cat([labels, torch.tensor([[2, 3]]).expand(count, 2)], 1)
    return points, labels


@pytest.fixture
def inner(decoder):
    """What passes through the decoder, by name."""
    seen = {}
    watched = {"layer0": decoder.layers[0], "layer1": decoder.layers[1], "up": decoder.upscaling}
    watched["tokens"] = decoder.final_norm
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: seen.update({name: output}))
        for name, module in watched.items()
    ]
    yield seen
    for hook in hooks:
        hook.remove()


def test_dense_positions(prompt_encoder):
    close(
        "positions",
        prompt_encoder.position.grid(GRID)[0, ::8, ::4, ::4],
        sam_golden("decoder")["dense_pe_sub"],
        TOKENS,
    )


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_case(prompt_encoder, decoder, inner, name):
    files = sam_golden("decoder")
    case = json.loads(bytes(files["meta"]))[name]
    embedding = by_formula("image_embedding", (1, 256, 64, 64))
    mask = 4 * by_formula("mask_input", (1, 1, 256, 256)) if case.get("mask") else None
    points, labels = prompt(case)
    tokens = prompt_encoder.tokens(points, labels, SIDE)
    dense = prompt_encoder.dense(mask, GRID)
    answer = decoder(embedding, prompt_encoder.position.grid(GRID), tokens, dense)
    close("sparse", tokens, files[f"{name}/sparse"], TOKENS)
    if mask is not None:
        close("dense", dense[:, ::8, ::4, ::4], files[f"{name}/dense_sub"], LOGITS)
    for layer in (0, 1):
        layer_tokens, image = inner[f"layer{layer}"]
        close(f"tokens {layer}", layer_tokens, files[f"{name}/q{layer}"], LOGITS)
        close(f"image {layer}", image[:, ::256, ::16], files[f"{name}/k{layer}_sub"], LOGITS)
    close("image", inner["layer1"][1][:, ::128, ::8], files[f"{name}/src_sub"], LOGITS)
    close("final tokens", inner["tokens"], files[f"{name}/tokens"], LOGITS)
    close("upscaled", inner["up"][:, ::4, ::16, ::16], files[f"{name}/up_sub"], LOGITS)
    close("kernels", decoder.kernels(inner["tokens"][:, 1:5]), files[f"{name}/hyper"], LOGITS)
    close("mask logits", answer.mask_logits[..., ::8, ::8], files[f"{name}/low_sub"], LOGITS)
    close("mean", answer.mask_logits.mean((2, 3)), files[f"{name}/low_mean"], LOGITS)
    close("IoU", answer.iou, files[f"{name}/iou"], IOU)


def test_every_recorded_case_is_compared():
    assert set(json.loads(bytes(sam_golden("decoder")["meta"]))) == set(CASES)
