"""Every rewrite against what it replaces, exact in float64; whole graphs against the golden files."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rapsam.models.build import deployment_of
from rapsam.models.rapsam.attention import Attention
from rapsam.models.rapsam.decoder import mask_product, prompt_visibility
from rapsam.models.rapsam.graphs import GRAPHS, build_graph, published_graph
from rapsam.models.rapsam.neck import PyramidNeck
from rapsam.models.rapsam.query_update import HardMaskPool, QueryUpdate
from rapsam.models.rapsam.rewrites.basis import (
    BasisMaskProduct,
    BasisPool,
    basis_kernel,
    basis_update,
    feature_matrix,
)
from rapsam.models.rapsam.rewrites.classifier import DeployedClassifier
from rapsam.models.rapsam.rewrites.decoder import PackedSelfAttention
from rapsam.models.rapsam.rewrites.fp16_pooling import pool_scale, rescaled_update
from rapsam.models.rapsam.rewrites.neck import BasisNeck, DeployedUpsampler
from rapsam.models.rapsam.rewrites.prompt_attention import BasisCrossAttention, collapsed_self_attention
from rapsam.models.rapsam.text_classifier import TextClassifier
from rapsam.tasks.labels import label_sets
from rapsam.tasks.preprocess import normalise_and_pad
from tests.golden_files import golden
from tests.models.golden_models import assert_close, assert_close_rows, golden_model

EXACT = {"rtol": 1e-9, "atol": 1e-9}
WIDTH, BASIS, PIXELS = 16, 10, 63


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def neck(seed: int = 0) -> PyramidNeck:
    """A small neck whose norms and biases are not at their neutral start."""
    torch.manual_seed(seed)
    made = PyramidNeck((8, 16, 32, 64), BASIS - 2, WIDTH).double().eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    for parameter in made.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    nn.init.normal_(made.aggregation_bias)
    return made


def attention(seed: int = 0, width: int = WIDTH) -> Attention:
    torch.manual_seed(seed)
    made = Attention(width, 4).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made


def queries(count: int = 5) -> torch.Tensor:
    return torch.randn(1, count, WIDTH, dtype=torch.float64)


def basis_and_features(source: PyramidNeck) -> tuple[torch.Tensor, torch.Tensor]:
    basis = torch.randn(1, BASIS, PIXELS, dtype=torch.float64)
    return basis, source.feature_conv(basis.unsqueeze(-1)).squeeze(-1)


def test_masks_from_the_basis():
    source = neck()
    basis, features = basis_and_features(source)
    kernel = nn.Linear(WIDTH, WIDTH).double()
    matrix, product = feature_matrix(source), BasisMaskProduct()
    k = queries()
    torch.testing.assert_close(
        product(basis_kernel(None, matrix)(k), basis), mask_product(k, features), **EXACT
    )
    torch.testing.assert_close(
        product(basis_kernel(kernel, matrix)(k), basis), mask_product(kernel(k), features), **EXACT
    )


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_pooled_update_from_the_basis(seed):
    source = neck(seed)
    basis, features = basis_and_features(source)
    update = QueryUpdate(WIDTH).double()
    masks = torch.randn(1, 5, PIXELS, dtype=torch.float64)
    masks[0, 0], masks[0, 1] = -1, 1  # an empty mask and a full one
    k = queries()
    scale = pool_scale(PIXELS)
    expected = update(k, HardMaskPool()(features, masks))
    deployed = basis_update(rescaled_update(update, scale), feature_matrix(source))
    torch.testing.assert_close(
        deployed(k, BasisPool(PIXELS, scale).double()(basis, masks)), expected, **EXACT
    )


def test_prompt_self_attention_collapses():
    source, k = attention(), queries()
    expected = source(k, k, visible=prompt_visibility(k))
    torch.testing.assert_close(collapsed_self_attention(source)(k), expected, **EXACT)


def test_packed_self_attention():
    source, k = attention(), queries()
    torch.testing.assert_close(PackedSelfAttention(source)(k), source(k, k), **EXACT)


@pytest.mark.parametrize("count", [1, 5])
def test_prompt_cross_attention_reads_the_basis_alone(count):
    source, bottom = attention(), neck()
    basis, features = basis_and_features(bottom)
    k = queries(count)
    deployed = BasisCrossAttention(source, feature_matrix(bottom))
    torch.testing.assert_close(deployed(k, basis), source(k, features.transpose(1, 2)), **EXACT)


@pytest.mark.parametrize("sampling", ["rows", "grid"])
def test_norm_folded_into_a_deformable_convolution(sampling):
    source = neck().upsamplers[0]
    source.offset_conv.weight.mul_(3)  # offsets of several pixels
    x = torch.randn(1, 32, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(DeployedUpsampler(source, (5, 7), sampling)(x), source(x), **EXACT)


@pytest.mark.parametrize("sampling", ["rows", "grid"])
def test_neck_up_to_the_basis(sampling):
    source = neck()
    maps = [torch.randn(1, 8 * 2**k, 24 // 2**k, 32 // 2**k, dtype=torch.float64) for k in range(4)]
    deployed = BasisNeck(source, (96, 128), sampling)
    torch.testing.assert_close(deployed(maps), source.basis(maps), **EXACT)
    torch.testing.assert_close(source.feature_conv(deployed(maps)), source(maps), **EXACT)


@given(seed=st.integers(0, 1000), counts=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_classifier_without_repeated_prototypes(seed, counts):
    torch.manual_seed(seed)
    names = next(iter(label_sets().values()))
    rows = torch.nn.functional.normalize(torch.randn(len(counts), 4, 12, dtype=torch.float64), dim=-1)
    for row, count in zip(rows, counts, strict=True):
        row[count:] = row[0].clone()
    source = TextClassifier(rows, names, "random")
    embeddings = torch.randn(1, 7, 12, dtype=torch.float64) * 30
    deployed = DeployedClassifier(source)
    assert len(deployed.prototypes) == sum(counts)
    torch.testing.assert_close(deployed(embeddings), source(embeddings), **EXACT)


@given(
    seed=st.integers(0, 100),
    exponent=st.integers(-12, 0),
    magnitude=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_rescaled_update_is_exact(seed, exponent, magnitude):
    torch.manual_seed(seed)
    update = QueryUpdate(16).double()
    for norm in (m for m in update.modules() if isinstance(m, torch.nn.LayerNorm)):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    pooled = torch.randn(1, 5, 16).double() * magnitude
    scale = 2.0**exponent
    k = queries()
    torch.testing.assert_close(
        rescaled_update(update, scale)(k, pooled * scale), update(k, pooled), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("num_pixels", [64, 1024, 25_600, 67_200, 262_144])
def test_scaled_pooling_stays_within_fp16(num_pixels):
    """A basis of magnitude 8 everywhere, under full and single-pixel masks."""
    basis = torch.full((1, 1, num_pixels), 8.0)
    masks = torch.full((1, 2, num_pixels), -1.0)
    masks[0, 0], masks[0, 1, 0] = 1.0, 1.0
    pooled = BasisPool(num_pixels, pool_scale(num_pixels))(basis, masks)[0]
    full, single = pooled.tolist()
    assert max(full) < 65504 / 16
    assert min(single) > 2**-14 * 2
    assert full[1] / single[1] == num_pixels


@pytest.mark.parametrize("graph", GRAPHS)
def test_whole_graphs_are_exact_in_float64(graph):
    model = copy.deepcopy(golden_model("rapsam_nano")).double()
    deployment = deployment_of(model)
    encoder = build_graph(model, "encoder", (64, 96))[0]
    image = torch.rand(1, 3, 64, 96, dtype=torch.float64) * 255
    inputs = {"image": image, "features": encoder(image)}
    inputs["boxes"] = torch.tensor([[[0.1, 0.2, 0.6, 0.7], [0.5, 0.5, 0.52, 0.52]]], dtype=torch.float64)
    module, contract = build_graph(model, graph, (64, 96), num_prompts=2)
    given_inputs = {spec.name: inputs[spec.name] for spec in contract.inputs}
    made = module(*given_inputs.values())
    made = (made,) if isinstance(made, torch.Tensor) else made
    expected = deployment.reference(graph, given_inputs).values()
    for result, wanted in zip(made, expected, strict=True):
        torch.testing.assert_close(result, wanted, rtol=1e-9, atol=1e-9 * float(wanted.abs().max()))


@pytest.mark.parametrize("backbone", ["r18", "r50"])
def test_rewritten_graph_gives_the_golden_outputs(backbone):
    files = golden(f"pan_{backbone}_256x320")
    assert files["image_uint8"].shape == (256, 320, 3)
    image = torch.from_numpy(files["image_uint8"].transpose(2, 0, 1)[None].astype(np.float32))
    module, _ = build_graph(golden_model(f"rapsam_{backbone}"), "panoptic_image", (256, 320))
    class_logits, mask_logits, final_queries = module(image)
    # A pixel that rounding flips moves its query; which ones, depends on the processor.
    moved = (final_queries[0] - torch.from_numpy(files["kern_s3"])).abs().amax(-1).numpy() > 1e-3
    assert moved.mean() <= 0.15
    assert_close_rows("class", class_logits[0], files["cls_s3"], 0.15, moved)
    whole = files["q_full"]
    assert_close_rows("masks", mask_logits[0].numpy()[whole], files["mask_s3_full"], 5e-3, moved[whole])
    assert_close_rows("queries", final_queries[0], files["kern_s3"], 1e-2, moved)


def test_rewritten_prompts_give_the_golden_outputs():
    files = golden("int_r18_points_k5")
    pixels, geometry = normalise_and_pad(files["image_uint8"])
    model = golden_model("rapsam_r18")
    basis = model.neck.basis(model.backbone(torch.from_numpy(pixels)))
    points, (height, width) = files["points_xy"].astype(np.float32), geometry.content_size
    boxes = np.concatenate([points - 3, points + 3], axis=1) / np.array([width, height, width, height])
    module, _ = build_graph(model, "prompt", pixels.shape[-2:], num_prompts=5)
    mask_logits, iou = module(basis, torch.from_numpy(boxes.astype(np.float32))[None])
    assert_close("masks", mask_logits[0].numpy()[files["q_full"]], files["mask_s3_full"], 5e-3)
    assert_close("IoU", iou[0], files["iou_s3"], 1e-2)


def test_published_graphs_speak_of_mask_features():
    model = golden_model("rapsam_nano")
    module, contract = published_graph(model, "encoder", (64, 64))
    assert contract.outputs[0].shape == (1, 128, 16, 16)
    image = torch.rand(1, 3, 64, 64) * 255
    rewritten, rewritten_contract = build_graph(model, "encoder", (64, 64))
    assert rewritten_contract.outputs[0].shape == (1, 66, 16, 16)
    features = model.neck.feature_conv(rewritten(image))
    torch.testing.assert_close(features, module(image), rtol=1e-4, atol=1e-4)
