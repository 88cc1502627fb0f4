"""The deployable graphs of RAP-SAM: tensor-only modules with static shapes, batch 1, and their contracts."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.contract import MAX_PROMPTS, MAX_SIDE, GraphContract, Role, Sampling, TensorSpec
from rapsam.errors import InputError, unknown_name
from rapsam.models.rapsam.model import RapSam
from rapsam.models.rapsam.published_graphs import (
    PublishedEncoder,
    PublishedPanoptic,
    PublishedPanopticImage,
    PublishedPrompt,
)
from rapsam.models.rapsam.rewrites.basis import BasisMaskProduct, basis_kernel, feature_matrix
from rapsam.models.rapsam.rewrites.classifier import DeployedClassifier
from rapsam.models.rapsam.rewrites.decoder import (
    DeployedObjectAdapter,
    DeployedPromptAdapter,
    PooledPixels,
    object_stage,
    prompt_stage,
)
from rapsam.models.rapsam.rewrites.neck import BasisNeck
from rapsam.tasks.preprocess import MEAN, STD, check_network_size

GRAPHS = ("encoder", "panoptic", "prompt", "panoptic_image")


class EncoderGraph(nn.Module):
    """Image to the basis of the mask features; normalises inside."""

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, model: RapSam, size: tuple[int, int], sampling: Sampling) -> None:
        super().__init__()
        dtype = model.neck.feature_conv.weight.dtype
        self.register_buffer("mean", torch.tensor(MEAN, dtype=dtype).view(1, 3, 1, 1))
        self.register_buffer("inverse_std", 1 / torch.tensor(STD, dtype=dtype).view(1, 3, 1, 1))
        self.backbone = copy.deepcopy(model.backbone)
        self.neck = BasisNeck(model.neck, size, sampling)

    def forward(self, image: Tensor) -> Tensor:
        """Maps an image (1, 3, H, W), 0..255, to a basis (1, A + 2, H / 4, W / 4)."""
        return self.neck(self.backbone((image - self.mean) * self.inverse_std))  # type: ignore[no-any-return]


class PanopticGraph(nn.Module):
    """Basis to object classes, masks and queries."""

    queries: Tensor

    def __init__(self, model: RapSam, size: tuple[int, int], *, narrow: bool = False) -> None:
        super().__init__()
        decoder, features = model.decoder, feature_matrix(model.neck)
        pixels = PooledPixels(_num_pixels(model, size), narrow)
        self.register_buffer("queries", decoder.object_queries.weight.detach().unsqueeze(0).clone())
        self.start_kernel = basis_kernel(None, features)
        self.mask_product = BasisMaskProduct()
        self.stages = nn.ModuleList(object_stage(s, features, pixels) for s in decoder.ordered_stages)
        self.adapter = DeployedObjectAdapter(decoder.object_adapter, features, pixels)
        self.class_embed = copy.deepcopy(decoder.object_adapter.class_embed)
        self.classifier = DeployedClassifier(model.text_classifier)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns class logits (1, Q, K + 1), mask logits (1, Q, h, w) and queries (1, Q, C)."""
        basis, queries = features.flatten(2), self.queries
        mask_logits = self.mask_product(self.start_kernel(queries), basis)
        for stage in self.stages:
            queries, mask_logits = stage(queries, basis, mask_logits)
        queries, mask_logits = self.adapter(queries, basis, mask_logits)
        class_logits = self.classifier(self.class_embed(queries))
        return class_logits, mask_logits.unflatten(-1, features.shape[-2:]), queries


class PromptGraph(nn.Module):
    """Basis and boxes to one mask and one predicted IoU per prompt."""

    def __init__(self, model: RapSam, size: tuple[int, int], *, narrow: bool = False) -> None:
        super().__init__()
        decoder, features = model.decoder, feature_matrix(model.neck)
        pixels = PooledPixels(_num_pixels(model, size), narrow)
        self.encoder = copy.deepcopy(model.prompt_encoder)
        self.start_kernel = basis_kernel(None, features)
        self.mask_product = BasisMaskProduct()
        self.stages = nn.ModuleList(prompt_stage(s, features, pixels) for s in decoder.ordered_stages)
        self.adapter = DeployedPromptAdapter(decoder.prompt_adapter, features)
        self.iou_proj = copy.deepcopy(decoder.prompt_adapter.iou_proj)

    def forward(self, features: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mask logits (1, K, h, w) and predicted IoU (1, K)."""
        basis, queries = features.flatten(2), self.encoder(boxes)
        mask_logits = self.mask_product(self.start_kernel(queries), basis)
        for stage in self.stages:
            queries, mask_logits = stage(queries, basis, mask_logits)
        queries, mask_logits = self.adapter(queries, basis)
        return mask_logits.unflatten(-1, features.shape[-2:]), self.iou_proj(queries).squeeze(-1)


class PanopticImageGraph(nn.Module):
    """Image to panoptic outputs in one go."""

    def __init__(
        self, model: RapSam, size: tuple[int, int], sampling: Sampling, *, narrow: bool = False
    ) -> None:
        super().__init__()
        self.encoder = EncoderGraph(model, size, sampling)
        self.panoptic = PanopticGraph(model, size, narrow=narrow)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `PanopticGraph`, from an image (1, 3, H, W), 0..255."""
        return self.panoptic(self.encoder(image))  # type: ignore[no-any-return]


def build_graph(
    model: RapSam,
    graph: str,
    size: tuple[int, int],
    num_prompts: int = 1,
    sampling: Sampling = "rows",
    *,
    narrow: bool = False,
) -> tuple[nn.Module, GraphContract]:
    """Makes one deployable graph; the model is copied, not changed.

    Args:
        model: The trained network.
        graph: One of `GRAPHS`.
        size: Image (height, width), multiples of 32, at most 2048.
        num_prompts: Prompts per pass of the prompt graph.
        sampling: Form of the deformable convolutions.
        narrow: Whether masks are pooled as means, so that few bits can hold what is pooled.

    Returns:
        A module in eval mode, and its contract.

    Raises:
        InputError: If graph, size or number of prompts cannot be used.
    """
    _check(graph, size, num_prompts)
    module: nn.Module
    if graph == "encoder":
        module = EncoderGraph(model, size, sampling)
    elif graph == "panoptic":
        module = PanopticGraph(model, size, narrow=narrow)
    elif graph == "prompt":
        module = PromptGraph(model, size, narrow=narrow)
    else:
        module = PanopticImageGraph(model, size, sampling, narrow=narrow)
    shape = (1, model.neck.feature_conv.in_channels, *_mask_size(model, size))
    contract = _contract(
        model, graph, size, num_prompts, _spec("features", shape, "NCHW", _basis_meaning(model))
    )
    return module.eval().requires_grad_(False), contract


def published_graph(
    model: RapSam, graph: str, size: tuple[int, int], num_prompts: int = 1
) -> tuple[nn.Module, GraphContract]:
    """Returns a graph as the trainable network computes it, with its own mask features (C channels).

    Args:
        model: The network in eval mode; the graph shares its weights.
        graph: See `build_graph`.
        size: See `build_graph`.
        num_prompts: See `build_graph`.

    Raises:
        InputError: See `build_graph`.
    """
    _check(graph, size, num_prompts)
    makers: dict[str, type[nn.Module]] = {
        "encoder": PublishedEncoder,
        "panoptic": PublishedPanoptic,
        "prompt": PublishedPrompt,
        "panoptic_image": PublishedPanopticImage,
    }
    shape = (1, model.neck.feature_conv.out_channels, *_mask_size(model, size))
    features = _spec("features", shape, "NCHW", f"mask features at stride {model.mask_stride}")
    return makers[graph](model), _contract(model, graph, size, num_prompts, features)


def _check(graph: str, size: tuple[int, int], num_prompts: int) -> None:
    check_size(size)
    if not 1 <= num_prompts <= MAX_PROMPTS:
        raise InputError(f"{num_prompts} prompts per pass; expected 1 to {MAX_PROMPTS}")
    if graph not in GRAPHS:
        raise unknown_name("graph", graph, GRAPHS)


def check_size(size: tuple[int, int]) -> None:
    """Raises `InputError` unless both sides are multiples of 32 up to 2048."""
    check_network_size(size)
    if max(size) > MAX_SIDE:
        raise InputError(f"size {size[0]}x{size[1]} is too large; expected sides of at most {MAX_SIDE}")


def _basis_meaning(model: RapSam) -> str:
    linear = f"what the mask features are linear in, at stride {model.mask_stride}"
    return f"{linear}: the aggregated map, then X and Y from -1 to 1"


def _num_pixels(model: RapSam, size: tuple[int, int]) -> int:
    height, width = _mask_size(model, size)
    return height * width


def _mask_size(model: RapSam, size: tuple[int, int]) -> tuple[int, int]:
    return size[0] // model.mask_stride, size[1] // model.mask_stride


def _contract(
    model: RapSam, graph: str, size: tuple[int, int], num_prompts: int, features: TensorSpec
) -> GraphContract:
    image, boxes = _image(size), _boxes(num_prompts)
    objects, prompts = _object_outputs(model, size), _prompt_outputs(model, size, num_prompts)
    borders = {
        "encoder": ((image,), (features,)),
        "panoptic": ((features,), objects),
        "prompt": ((features, boxes), prompts),
        "panoptic_image": ((image,), objects),
    }
    inputs, outputs = borders[graph]
    return GraphContract(graph=graph, inputs=inputs, outputs=outputs, image_size=size)


def _image(size: tuple[int, int]) -> TensorSpec:
    meaning = "RGB image, resized to fit, padded right and below with the mean colour"
    return _spec("image", (1, 3, *size), "NCHW", meaning, value_range=(0.0, 255.0), role="image")


def _boxes(num_prompts: int) -> TensorSpec:
    meaning = (
        "x1, y1, x2, y2 as fractions of the resized image without padding; a point reaches 3 px each way, "
        "past 0 and 1 near the border: do not clip"
    )
    return _spec("boxes", (1, num_prompts, 4), "NQD", meaning, value_range=(-0.1, 1.1), role="boxes")


def _object_outputs(model: RapSam, size: tuple[int, int]) -> tuple[TensorSpec, ...]:
    count, channels = model.decoder.object_queries.weight.shape
    classes, stride = model.text_classifier.num_classes + 1, model.mask_stride
    scores = "one score per class before softmax, void last"
    masks = f"positive inside the object, at stride {stride}"
    vectors = "one vector per object, to match objects over time"
    return (
        _spec("class_logits", (1, count, classes), "NQK", scores, role="class_logits"),
        _spec("mask_logits", (1, count, *_mask_size(model, size)), "NQHW", masks, role="mask_logits"),
        _spec("queries", (1, count, channels), "NQC", vectors, role="queries"),
    )


def _prompt_outputs(model: RapSam, size: tuple[int, int], num_prompts: int) -> tuple[TensorSpec, ...]:
    masks, iou = "positive inside the prompted region", "predicted IoU of the mask with the true region"
    shape = (1, num_prompts, *_mask_size(model, size))
    return (
        _spec("mask_logits", shape, "NQHW", masks, role="mask_logits"),
        _spec("iou", (1, num_prompts), "NQ", iou, role="iou"),
    )


def _spec(
    name: str,
    shape: tuple[int, ...],
    layout: str,
    meaning: str,
    value_range: tuple[float, float] | None = None,
    role: Role = "flow",
) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout=layout,
        value_range=value_range,
        meaning=meaning,
        role=role,
    )
