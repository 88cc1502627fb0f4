"""The deployable graphs of RAP-SAM: tensor-only modules with static shapes, batch 1, and their contracts."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import InputError, unknown_name
from rapsam.models.rapsam.decoder import mask_product, prompt_visibility
from rapsam.models.rapsam.model import RapSam
from rapsam.models.rapsam.rewrites import deployed_decoder, deployed_neck
from rapsam.tasks.preprocess import MEAN, STD, check_network_size

STRIDE = 4
GRAPHS = ("encoder", "panoptic", "prompt", "panoptic_image")
MAX_SIDE = 2048
MAX_PROMPTS = 64


class EncoderGraph(nn.Module):
    """Image to mask features; normalises inside."""

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, model: RapSam, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("inverse_std", 1 / torch.tensor(STD).view(1, 3, 1, 1))
        self.backbone = copy.deepcopy(model.backbone)
        self.neck = deployed_neck(model.neck, size)

    def forward(self, image: Tensor) -> Tensor:
        """Maps an image (1, 3, H, W), 0..255, to mask features (1, C, H / 4, W / 4)."""
        return self.neck(self.backbone((image - self.mean) * self.inverse_std))  # type: ignore[no-any-return]


class PanopticGraph(nn.Module):
    """Mask features to object classes, masks and queries; heads that are not returned are not run."""

    def __init__(self, model: RapSam, size: tuple[int, int]) -> None:
        super().__init__()
        self.decoder = deployed_decoder(model.decoder, _num_pixels(size))
        self.classifier = copy.deepcopy(model.text_classifier)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gives class logits (1, Q, K + 1), mask logits (1, Q, h, w) and queries (1, Q, C)."""
        pixels = features.flatten(2)
        queries = self.decoder.object_queries.weight.unsqueeze(0)
        mask_logits = mask_product(queries, pixels)
        for stage in self.decoder.ordered_stages:
            queries = stage.refine(queries, pixels, mask_logits, None)
            mask_logits = stage.mask_logits(queries, pixels)
        adapter = self.decoder.object_adapter
        queries = adapter.refine(queries, pixels, mask_logits)
        mask_logits = mask_product(queries, pixels).unflatten(-1, features.shape[-2:])
        return adapter.class_logits(queries, self.classifier), mask_logits, queries


class PromptGraph(nn.Module):
    """Mask features and boxes to one mask and one predicted IoU per prompt."""

    visible: Tensor

    def __init__(self, model: RapSam, size: tuple[int, int], num_prompts: int) -> None:
        super().__init__()
        self.decoder = deployed_decoder(model.decoder, _num_pixels(size))
        self.encoder = copy.deepcopy(model.prompt_encoder)
        self.register_buffer("visible", prompt_visibility(torch.empty(1, num_prompts, 1)))

    def forward(self, features: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Gives mask logits (1, K, h, w) and predicted IoU (1, K)."""
        pixels = features.flatten(2)
        queries = self.encoder(boxes)
        mask_logits = mask_product(queries, pixels)
        for stage in self.decoder.ordered_stages:
            queries = stage.refine(queries, pixels, mask_logits, self.visible)
            mask_logits = stage.mask_logits(queries, pixels)
        queries = self.decoder.prompt_adapter.refine(queries, pixels)
        mask_logits = mask_product(queries, pixels).unflatten(-1, features.shape[-2:])
        return mask_logits, self.decoder.prompt_adapter.iou(queries)


class PanopticImageGraph(nn.Module):
    """Image to panoptic outputs in one go."""

    def __init__(self, model: RapSam, size: tuple[int, int]) -> None:
        super().__init__()
        self.encoder = EncoderGraph(model, size)
        self.panoptic = PanopticGraph(model, size)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `PanopticGraph`, from an image (1, 3, H, W), 0..255."""
        return self.panoptic(self.encoder(image))  # type: ignore[no-any-return]


def build_graph(
    model: RapSam, graph: str, size: tuple[int, int], num_prompts: int = 1
) -> tuple[nn.Module, GraphContract]:
    """Makes one deployable graph; the model is copied, not changed.

    Args:
        model: The trained network.
        graph: One of `GRAPHS`.
        size: Image (height, width), multiples of 32, at most 2048.
        num_prompts: Prompts per pass of the prompt graph.

    Returns:
        A module in eval mode, and its contract.

    Raises:
        InputError: If graph, size or number of prompts cannot be used.
    """
    check_size(size)
    if not 1 <= num_prompts <= MAX_PROMPTS:
        raise InputError(f"{num_prompts} prompts per pass; expected 1 to {MAX_PROMPTS}")
    if graph not in GRAPHS:
        raise unknown_name("graph", graph, GRAPHS)
    module: nn.Module
    if graph == "encoder":
        module = EncoderGraph(model, size)
    elif graph == "panoptic":
        module = PanopticGraph(model, size)
    elif graph == "prompt":
        module = PromptGraph(model, size, num_prompts)
    else:
        module = PanopticImageGraph(model, size)
    return module.eval().requires_grad_(False), _contract(model, graph, size, num_prompts)


def check_size(size: tuple[int, int]) -> None:
    """Raises `InputError` unless both sides are multiples of 32 up to 2048."""
    check_network_size(size)
    if max(size) > MAX_SIDE:
        raise InputError(f"size {size[0]}x{size[1]} is too large; expected sides of at most {MAX_SIDE}")


def _num_pixels(size: tuple[int, int]) -> int:
    return (size[0] // STRIDE) * (size[1] // STRIDE)


def _contract(model: RapSam, graph: str, size: tuple[int, int], num_prompts: int) -> GraphContract:
    height, width = size[0] // STRIDE, size[1] // STRIDE
    count, channels = model.decoder.object_queries.weight.shape
    classes = model.text_classifier.num_classes
    image = _spec(
        "image",
        (1, 3, *size),
        "NCHW",
        "RGB image, resized to fit, padded right and below with the mean colour",
        value_range=(0.0, 255.0),
    )
    features = _spec("features", (1, channels, height, width), "NCHW", "mask features at stride 4")
    objects = (
        _spec(
            "class_logits", (1, count, classes + 1), "NQK", "one score per class before softmax, void last"
        ),
        _spec("mask_logits", (1, count, height, width), "NQHW", "positive inside the object, at stride 4"),
        _spec("queries", (1, count, channels), "NQC", "one vector per object, to match objects over time"),
    )
    boxes = _spec(
        "boxes",
        (1, num_prompts, 4),
        "NQD",
        "x1, y1, x2, y2 as fractions of the resized image without padding; a point reaches 3 px each way, "
        "past 0 and 1 near the border: do not clip",
        value_range=(-0.1, 1.1),
    )
    prompts = (
        _spec("mask_logits", (1, num_prompts, height, width), "NQHW", "positive inside the prompted region"),
        _spec("iou", (1, num_prompts), "NQ", "predicted IoU of the mask with the true region"),
    )
    borders = {
        "encoder": ((image,), (features,)),
        "panoptic": ((features,), objects),
        "prompt": ((features, boxes), prompts),
        "panoptic_image": ((image,), objects),
    }
    inputs, outputs = borders[graph]
    return GraphContract(graph=graph, inputs=inputs, outputs=outputs)


def _spec(
    name: str,
    shape: tuple[int, ...],
    layout: str,
    meaning: str,
    value_range: tuple[float, float] | None = None,
) -> TensorSpec:
    return TensorSpec(
        name=name, shape=shape, dtype="float32", layout=layout, value_range=value_range, meaning=meaning
    )
