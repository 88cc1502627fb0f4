"""Every rewrite of the family against what it replaces, in float64 and float32."""

from __future__ import annotations

import pytest
import torch

from rapsam.export.parity.tensors import compare_tensors
from rapsam.graph.capture import capture
from rapsam.graph.half import half_precision
from rapsam.models.sam.attention import Attention
from rapsam.models.sam.graphs import build_graph
from rapsam.models.sam.layers import LayerNorm2d
from rapsam.models.sam.mask_decoder import MaskDecoder
from rapsam.models.sam.prompt_encoder import EMPTY_SLOT, PADDING_POINT, PromptEncoder
from rapsam.models.sam.published_graphs import PublishedEncoder, answer_slots
from rapsam.models.sam.repvit import DepthwiseApart, DepthwiseTogether
from rapsam.models.sam.rewrites.cross_attention import ImageToTokens, MaskedSelfAttention, TokensToImage
from rapsam.models.sam.rewrites.norms import VectorNorm2d
from rapsam.models.sam.rewrites.prompts import DenseMap, SlotTokens
from rapsam.models.sam.rewrites.repvit import merged_branches
from rapsam.models.sam.rewrites.tiny_vit import DeployedWindowAttention
from rapsam.models.sam.rewrites.upscaling import DeployedUpscaling
from rapsam.models.sam.rewrites.vit import DeployedVitAttention
from rapsam.models.sam.tiny_vit import WindowAttention
from rapsam.models.sam.vit import VitAttention
from rapsam.models.sam.windows import joined, padded_to_windows, split
from rapsam.tasks.preprocess import MEAN
from tests.models.sam.small_networks import ENCODERS, SIZES, small_sam
from tests.rounding import TOLERANCES, assert_same

each_dtype = pytest.mark.parametrize("dtype", TOLERANCES)
WIDTH, SIZE, SLOTS = 256, (96, 64), 5
GRID = (6, 4)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def random(module, dtype):
    """Gives a module weights and statistics that are nowhere neutral; the same in every dtype."""
    torch.manual_seed(0)
    for tensor in module.parameters():
        torch.nn.init.normal_(tensor, std=tensor[0].numel() ** -0.5 if tensor.dim() > 1 else 0.5)
    for name, tensor in module.named_buffers():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            tensor.normal_()
    return module.eval().to(dtype)


def drawn(*shape, dtype):
    return torch.randn(shape, dtype=torch.float64).to(dtype)


@each_dtype
@pytest.mark.parametrize("kind", [DepthwiseTogether, DepthwiseApart])
def test_merged_branches(kind, dtype):
    branches, x = random(kind(6), dtype), drawn(2, 6, 5, 7, dtype=dtype)
    assert_same(merged_branches(branches)(x), branches(x))


@each_dtype
def test_norm_of_vectors(dtype):
    norm, x = random(LayerNorm2d(8), dtype), drawn(2, 8, 3, 5, dtype=dtype)
    assert_same(VectorNorm2d(norm)(x), norm(x))


@pytest.mark.parametrize(("height", "width", "window"), [(8, 8, 4), (5, 7, 3), (6, 4, 7), (14, 14, 14)])
def test_windows(height, width, window):
    x = torch.arange(2 * height * width * 3.0).reshape(2, height, width, 3)
    padded = padded_to_windows(x, window)
    windows = split(padded, window)
    assert windows.shape[1:] == (window * window, 3)
    # Written down as one reads it, with six axes.
    rows, columns = padded.shape[1] // window, padded.shape[2] // window
    plain = padded.reshape(2, rows, window, columns, window, 3).permute(0, 1, 3, 2, 4, 5)
    assert torch.equal(windows, plain.reshape(-1, window * window, 3))
    assert torch.equal(joined(windows, padded.shape[1:3], window)[:, :height, :width], x)


@each_dtype
def test_window_attention(dtype):
    attention, x = random(WindowAttention(64, 3), dtype), drawn(2, 5, 6, 64, dtype=dtype)
    assert_same(DeployedWindowAttention(attention)(x), attention(x))


@each_dtype
def test_attention_with_rows_and_columns(dtype):
    attention, x = random(VitAttention(24, 3, 4), dtype), drawn(2, 6, 4, 24, dtype=dtype)
    assert_same(DeployedVitAttention(attention)(x), attention(x))


@each_dtype
def test_tokens_to_image(dtype):
    attention = random(Attention(128), dtype)
    q, k, v = (drawn(2, count, WIDTH, dtype=dtype) for count in (7, 24, 24))
    found = TokensToImage(attention)(q, k.unsqueeze(1), v.unsqueeze(1))
    assert_same(found, attention(q, k, v))


@each_dtype
def test_image_to_tokens(dtype):
    attention = random(Attention(128), dtype)
    q, k, v = (drawn(2, count, WIDTH, dtype=dtype) for count in (24, 7, 7))
    all_seen = torch.zeros(2, 1, 1, 7, dtype=dtype)
    found = ImageToTokens(attention)(q.unsqueeze(1), k, v, all_seen)
    assert_same(found.squeeze(1), attention(q, k, v))


@each_dtype
def test_self_attention(dtype):
    attention, all_seen = random(Attention(WIDTH), dtype), torch.zeros(2, 1, 1, 7, dtype=dtype)
    placed, tokens = (drawn(2, 7, WIDTH, dtype=dtype) for _ in range(2))
    assert_same(MaskedSelfAttention(attention)(placed, tokens, all_seen), attention(placed, placed, tokens))


@each_dtype
def test_upscaling_as_products(dtype):
    decoder = random(MaskDecoder(), dtype)
    image, kernels = drawn(2, 24, WIDTH, dtype=dtype), drawn(2, 4, 32, dtype=dtype)
    features = decoder.upscaling(image.transpose(1, 2).unflatten(-1, GRID))
    expected = (kernels @ features.flatten(2)).unflatten(-1, features.shape[-2:])
    found = DeployedUpscaling(decoder, GRID)(image.unsqueeze(1), kernels.unsqueeze(1))
    assert_same(found, expected)


@each_dtype
def test_tokens_of_slots(dtype):
    encoder = random(PromptEncoder(), dtype)
    points = 96 * torch.rand(2, 6, 2, dtype=dtype)
    labels = torch.tensor([[1, 0, -1, 2, 3, -2], [-1, -2, -2, 1, 1, 0]], dtype=dtype)
    tokens, hidden = SlotTokens(encoder, SIZE, 5)(points, labels)
    seen = labels != EMPTY_SLOT
    assert_same(tokens[seen], encoder.tokens(points, labels, SIZE)[seen])
    assert torch.equal(hidden[:, 0, 0, 5:] == 0, seen)
    assert not hidden[..., :5].any()


@each_dtype
def test_map_of_masks(dtype):
    encoder = random(PromptEncoder(), dtype)
    masks = drawn(2, 1, 24, 16, dtype=dtype)
    given = torch.tensor([1, 0], dtype=dtype).reshape(2, 1, 1, 1)
    dense = DenseMap(encoder)(masks, given)
    assert_same(dense[:1], encoder.dense(masks[:1], GRID))
    assert_same(dense[1:], encoder.dense(None, GRID))


@each_dtype
@pytest.mark.parametrize("name", ENCODERS)
def test_whole_encoder(name, dtype):
    model = small_sam(name, dtype)
    graph, contract = build_graph(model, "encoder", SIZES[name], 1, SLOTS)
    image = 255 * torch.rand(contract.inputs[0].shape, dtype=dtype)
    embedding = graph(image)
    assert tuple(embedding.shape) == contract.outputs[0].shape
    assert_same(embedding, PublishedEncoder(model)(image))


@pytest.mark.parametrize("pad", [MEAN, tuple(map(round, MEAN))], ids=["exact", "8 bits"])
@pytest.mark.parametrize("name", ENCODERS)
def test_padding_survives_16_bits(name, pad):
    """Padding is the mean colour but for less than a level: 16 bits must not make anything else of it."""
    graph, contract = build_graph(small_sam(name), "encoder", SIZES[name], 1, SLOTS)
    program = capture(graph, contract)
    image = torch.tensor(pad).view(1, 3, 1, 1).repeat(1, 1, *SIZES[name])
    torch.manual_seed(0)
    image[..., :32] = torch.randint(256, image[..., :32].shape).float()
    exact, half = (each.module()(image)[0] for each in (program, half_precision(program, contract)))
    assert compare_tensors(half.numpy(), exact.numpy()).sqnr_db > 50


def slots(*prompts):
    """Labels of prompts, filled up with empty slots."""
    return torch.tensor([[*prompt, *[EMPTY_SLOT] * (SLOTS - len(prompt))] for prompt in prompts])


PROMPTS = {
    "point": (1, PADDING_POINT),
    "negative point": (0, PADDING_POINT),
    "points": (1, 1, 0, PADDING_POINT),
    "box": (2, 3),
    "points and box": (1, 0, 1, 2, 3),
    "nothing but a mask": (),
}


@each_dtype
def test_decoder_in_slots(dtype):
    """A graph with a fixed number of slots computes what the network computes for each prompt by itself."""
    model = small_sam("repvit", dtype)
    count = 2 * len(PROMPTS)
    graph, contract = build_graph(model, "decoder", SIZE, count, SLOTS)
    labels = slots(*PROMPTS.values(), *PROMPTS.values()).to(dtype)
    points = 64 * torch.rand(count, SLOTS, 2, dtype=dtype)
    masks, embedding = drawn(count, 1, 24, 16, dtype=dtype), drawn(1, WIDTH, *GRID, dtype=dtype)
    given = (torch.arange(count) < len(PROMPTS)).to(dtype)
    inputs = (embedding, points[None], labels[None], masks[None], given[None])
    assert [spec.shape for spec in contract.inputs] == [tuple(tensor.shape) for tensor in inputs]
    mask_logits, iou = graph(*inputs)
    expected = answer_slots(model, embedding, points, labels, masks, given)
    assert_same(mask_logits[0], expected.mask_logits)
    assert_same(iou[0], expected.iou)


def test_what_lies_in_empty_slots_does_not_matter():
    model = small_sam("repvit", torch.float64)
    graph, _ = build_graph(model, "decoder", SIZE, 1, SLOTS)
    embedding, mask = drawn(1, WIDTH, *GRID, dtype=torch.float64), torch.zeros(1, 1, 1, 24, 16).double()
    labels, points = slots(PROMPTS["point"])[None].double(), 64 * torch.rand(1, 1, SLOTS, 2).double()
    moved = points.clone()
    moved[0, 0, 2:] += 500
    answers = [graph(embedding, each, labels, mask, torch.zeros(1, 1).double()) for each in (points, moved)]
    assert torch.equal(answers[0][0], answers[1][0])
    assert torch.equal(answers[0][1], answers[1][1])


def test_making_graphs_leaves_the_model_alone():
    for name in ENCODERS:
        model = small_sam(name)
        before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        for graph in ("encoder", "decoder"):
            build_graph(model, graph, SIZES[name], 1, SLOTS)
        assert all(parameter.requires_grad for parameter in model.parameters())
        assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in before.items())
