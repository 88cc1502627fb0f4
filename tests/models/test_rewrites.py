"""Every rewrite against what it replaces, in float64 and float32."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.macs import count_macs
from rapsam.models.origins import Prototypes
from rapsam.models.rapsam.attention import Attention
from rapsam.models.rapsam.decoder import mask_product, prompt_visibility
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
from rapsam.models.rapsam.rewrites.mean_pooling import MeanUpdate
from rapsam.models.rapsam.rewrites.neck import BasisNeck, DeployedUpsampler
from rapsam.models.rapsam.rewrites.prompt_attention import BasisCrossAttention, collapsed_self_attention
from rapsam.models.text_classifier import TextClassifier
from rapsam.tasks.labels import label_sets
from tests.rounding import TOLERANCES, assert_same

WIDTH, BASIS, PIXELS = 16, 10, 63
STRIDES = (4, 8, 16, 32)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCES)
each_sampling = pytest.mark.parametrize("sampling", ["rows", "grid"])


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def neck(dtype: torch.dtype, seed: int = 0) -> PyramidNeck:
    """A small neck whose norms and biases are not at their neutral start; the same in every dtype."""
    torch.manual_seed(seed)
    made = PyramidNeck((8, 16, 32, 64), STRIDES, BASIS - 2, WIDTH).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    for parameter in made.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    nn.init.normal_(made.aggregation_bias)
    return made.to(dtype)


def attention(dtype: torch.dtype) -> Attention:
    torch.manual_seed(0)
    made = Attention(WIDTH, 4)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made.to(dtype)


def queries(dtype: torch.dtype, count: int = 5) -> Tensor:
    return torch.randn(1, count, WIDTH, dtype=dtype)


def basis_and_features(source: PyramidNeck) -> tuple[Tensor, Tensor]:
    basis = torch.randn(1, BASIS, PIXELS, dtype=source.feature_conv.weight.dtype)
    return basis, source.feature_conv(basis.unsqueeze(-1)).squeeze(-1)


@each_dtype
def test_masks_from_the_basis(dtype):
    source = neck(dtype)
    basis, features = basis_and_features(source)
    kernel = nn.Linear(WIDTH, WIDTH).to(dtype)
    matrix, product = feature_matrix(source), BasisMaskProduct()
    k = queries(dtype)
    assert_same(product(basis_kernel(None, matrix)(k), basis), mask_product(k, features))
    assert_same(product(basis_kernel(kernel, matrix)(k), basis), mask_product(kernel(k), features))


@each_dtype
@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_pooled_update_from_the_basis(dtype, seed):
    source = neck(dtype, seed)
    basis, features = basis_and_features(source)
    update = QueryUpdate(WIDTH).to(dtype)
    masks = torch.randn(1, 5, PIXELS, dtype=dtype)
    masks[0, 0], masks[0, 1] = -1, 1  # an empty mask and a full one
    k = queries(dtype)
    scale = pool_scale(PIXELS)
    expected = update(k, HardMaskPool()(features, masks))
    deployed = basis_update(rescaled_update(update, scale), feature_matrix(source))
    sums = BasisPool(PIXELS, scale, dtype)(basis, masks)
    assert_same(deployed(k, sums), expected)
    assert_same(MeanUpdate(deployed, scale)(k, sums), expected)


def test_what_goes_through_weights_is_no_larger_for_large_masks():
    source = neck(torch.float32)
    basis, _ = basis_and_features(source)
    masks = torch.full((1, 2, PIXELS), -1.0)
    masks[0, 0, 0], masks[0, 1] = 1, 1
    scale = pool_scale(PIXELS)
    update = basis_update(rescaled_update(QueryUpdate(WIDTH), scale), feature_matrix(source))
    sums = BasisPool(PIXELS, scale)(basis, masks)
    taken = {}
    for form in (update, MeanUpdate(update, scale)):
        form.pooled_proj.register_forward_hook(
            lambda _part, inputs, _output, form=form: taken.update({type(form): inputs[0].abs().amax(-1)})
        )
        form(queries(torch.float32, 2), sums)
    assert taken[MeanUpdate].max() <= basis.abs().max().clamp_min(1)
    assert taken[QueryUpdate][0, 1] == PIXELS * scale


@each_dtype
def test_prompt_self_attention_collapses(dtype):
    source, k = attention(dtype), queries(dtype)
    expected = source(k, k, visible=prompt_visibility(k))
    assert_same(collapsed_self_attention(source)(k), expected)


@each_dtype
def test_packed_self_attention(dtype):
    source, k = attention(dtype), queries(dtype)
    assert_same(PackedSelfAttention(source)(k), source(k, k))


@each_dtype
@pytest.mark.parametrize("count", [1, 5])
def test_prompt_cross_attention_reads_the_basis_alone(count, dtype):
    source, bottom = attention(dtype), neck(dtype)
    basis, features = basis_and_features(bottom)
    k = queries(dtype, count)
    deployed = BasisCrossAttention(source, feature_matrix(bottom))
    assert_same(deployed(k, basis), source(k, features.transpose(1, 2)))


class PublishedCrossAttention(nn.Module):
    """Cross-attention of prompts with all that it needs of the basis: mask features, keys and values."""

    def __init__(self, source: Attention, bottom: PyramidNeck) -> None:
        super().__init__()
        self.attention, self.feature_conv = source, bottom.feature_conv

    def forward(self, k, basis):
        features = self.feature_conv(basis.unsqueeze(-1)).squeeze(-1)
        return self.attention(k, features.transpose(1, 2))


def test_prompt_cross_attention_of_one_prompt_costs_a_fiftieth():
    """At the published widths, for an image of 640x640; docs/rewrites.md has the figures."""
    bottom, source = PyramidNeck((8, 16, 32, 64), STRIDES, 128, 256), Attention(256, 8)
    k, basis, result = (
        TensorSpec(name=name, shape=shape, dtype="float32", layout="", value_range=None, meaning="any")
        for name, shape in {"k": (1, 1, 256), "basis": (1, 130, 160 * 160), "result": (1, 1, 256)}.items()
    )
    contract = GraphContract(graph="attention", inputs=(k, basis), outputs=(result,))
    before = count_macs(PublishedCrossAttention(source, bottom), contract)
    after = count_macs(BasisCrossAttention(source, feature_matrix(bottom)), contract)
    assert before > 50 * after


@each_dtype
@each_sampling
def test_norm_folded_into_a_deformable_convolution(sampling, dtype):
    source = neck(dtype).upsamplers[0]
    source.offset_conv.weight.mul_(3)  # offsets of several pixels
    x = torch.randn(1, 32, 5, 7, dtype=dtype)
    assert_same(DeployedUpsampler(source, (5, 7), sampling)(x), source(x))


@each_dtype
@each_sampling
def test_neck_up_to_the_basis(sampling, dtype):
    source = neck(dtype)
    maps = [torch.randn(1, 8 * 2**k, 24 // 2**k, 32 // 2**k, dtype=dtype) for k in range(4)]
    deployed = BasisNeck(source, (96, 128), sampling)
    assert_same(deployed(maps), source.basis(maps))
    assert_same(source.feature_conv(deployed(maps)), source(maps))


@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: basis_kernel(attention(dtype).out_proj, feature_matrix(neck(dtype))),
        lambda dtype: basis_update(update_of(dtype), feature_matrix(neck(dtype))),
        lambda dtype: collapsed_self_attention(attention(dtype)),
        lambda dtype: BasisCrossAttention(attention(dtype), feature_matrix(neck(dtype))),
        lambda dtype: DeployedUpsampler(neck(dtype).upsamplers[0], (5, 7), "rows"),
    ],
    ids=["kernel", "update", "self-attention", "cross-attention", "upsampler"],
)
def test_composed_weights_are_rounded_once(make):
    exact = make(torch.float64).state_dict()
    for name, tensor in make(torch.float32).state_dict().items():
        assert torch.equal(tensor, exact[name].to(tensor.dtype)), name


@each_dtype
@given(seed=st.integers(0, 1000), counts=st.lists(st.integers(1, 4), min_size=1, max_size=6))
@settings(max_examples=50)
def test_classifier_without_repeated_prototypes(dtype, seed, counts):
    torch.manual_seed(seed)
    names = next(iter(label_sets().values()))
    rows = torch.nn.functional.normalize(torch.randn(len(counts), 4, 12, dtype=dtype), dim=-1)
    for row, count in zip(rows, counts, strict=True):
        row[count:] = row[0].clone()
    source = TextClassifier(rows, names, Prototypes(origin="tensor"))
    embeddings = torch.randn(1, 7, 12, dtype=dtype) * 30
    deployed = DeployedClassifier(source)
    assert len(deployed.prototypes) == sum(counts)
    assert_same(deployed(embeddings), source(embeddings))


def update_of(dtype: torch.dtype) -> QueryUpdate:
    torch.manual_seed(0)
    update = QueryUpdate(WIDTH)
    for norm in (m for m in update.modules() if isinstance(m, nn.LayerNorm)):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return update.to(dtype)


@each_dtype
@pytest.mark.parametrize("exponent", [-12, -6, -1, 0])
@pytest.mark.parametrize("magnitude", [1e-3, 1.0, 1e3])
def test_rescaled_update_is_exact(exponent, magnitude, dtype):
    update = update_of(dtype)
    pooled, scale, k = queries(dtype) * magnitude, 2.0**exponent, queries(dtype)
    assert_same(rescaled_update(update, scale)(k, pooled * scale), update(k, pooled))


@pytest.mark.parametrize("num_pixels", [64, 1024, 25_600, 67_200, 262_144])
def test_scaled_pooling_in_fp16(num_pixels):
    """A basis of magnitude 8, under full and single-pixel masks. PyTorch adds products up in float32."""
    torch.manual_seed(0)
    basis = (8 + torch.rand(1, 3, num_pixels)).half()
    masks = torch.full((1, 2, num_pixels), -1.0, dtype=torch.float16)
    masks[0, 0], masks[0, 1, 0] = 1.0, 1.0
    scale = pool_scale(num_pixels)
    pooled = BasisPool(num_pixels, scale, torch.float16)(basis, masks)
    assert pooled.dtype == torch.float16
    assert float(pooled.max()) < 65504 / 16
    assert float(pooled.min()) > 2**-14 * 2  # no result is subnormal
    exact = BasisPool(num_pixels, scale, torch.float64)(basis.double(), masks.double())
    torch.testing.assert_close(pooled.double(), exact, rtol=2**-11, atol=0)
