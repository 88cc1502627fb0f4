"""A second family for tests: it knows no classes, takes boxes only, and answers each with three masks."""

from __future__ import annotations

import copy
from typing import ClassVar

import torch
from torch import Tensor, nn

from rapsam.contract import GraphContract, Pipeline, TensorSpec
from rapsam.models.family import Family
from rapsam.models.network import SegmentationNetwork
from rapsam.tasks.preprocess import Normalisation
from rapsam.tasks.prompt_set import PromptSpec

VARIANT = "boxer_tiny"
WIDTH, CANDIDATES, STRIDE = 6, 3, 8
COLOURS = Normalisation(mean=(100.0, 110.0, 120.0), std=(50.0, 60.0, 70.0))
SPEC = PromptSpec(
    encoding="boxes",
    max_points=0,
    negative_points=False,
    boxes=True,
    points_with_box=False,
    masks=False,
    candidates=CANDIDATES,
    point_radius=None,
)


class Boxer(SegmentationNetwork):
    """Features at stride 8; a box becomes three kernels over them."""

    text_classifier = None

    def __init__(self, name: str) -> None:
        super().__init__(name)
        torch.manual_seed(4)
        self.stem = nn.Conv2d(3, WIDTH, STRIDE, STRIDE)
        self.kernels = nn.Linear(4, CANDIDATES * WIDTH)
        self.iou = nn.Linear(4, CANDIDATES)

    def encode(self, images: Tensor) -> Tensor:
        return torch.relu(self.stem(images))

    def ask(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(self.kernels(boxes)), torch.tanh(self.iou(boxes))

    def answer(self, embedding: Tensor, tokens: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        count, (height, width) = tokens.shape[1], embedding.shape[-2:]
        masks = tokens.reshape(1, count * CANDIDATES, WIDTH) @ embedding.flatten(2)
        return masks.reshape(1, count, CANDIDATES, height, width), quality.sigmoid()

    def test_sides(self, *, video: bool) -> tuple[int, int]:
        del video
        return 64, 64


class Encoder(nn.Module):
    def __init__(self, network: Boxer) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(COLOURS.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(COLOURS.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.network.encode((image - self.mean) / self.std)


class Asking(nn.Module):
    def __init__(self, network: Boxer) -> None:
        super().__init__()
        self.network = network

    def forward(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.ask(boxes)


class Answering(nn.Module):
    """Takes no prompts itself: what depends on them flows in."""

    def __init__(self, network: Boxer) -> None:
        super().__init__()
        self.network = network

    def forward(self, embedding: Tensor, tokens: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.answer(embedding, tokens, quality)


class BoxerDeployment:
    """Implements `Deployment` and `PromptTaker`."""

    tasks = ("prompt",)
    prompts = SPEC
    parts: ClassVar = {}
    normalisation = COLOURS
    fit = "letterbox"

    def __init__(self, network: Boxer) -> None:
        self.network = network
        self.name = network.name
        self.weights = network.weights

    def pipelines(self, tasks):
        return tuple(Pipeline(task=task, graphs=("look", "ask", "answer")) for task in tasks)

    def build_graph(self, graph, size, num_prompts, sampling="rows", *, narrow=False):
        del sampling, narrow
        return self.published_graph(graph, size, num_prompts)

    def published_graph(self, graph, size, num_prompts):
        module = {"look": Encoder, "ask": Asking, "answer": Answering}[graph](copy.deepcopy(self.network))
        return module.eval().requires_grad_(False), contract(graph, size, num_prompts)

    @torch.no_grad()
    def reference(self, graph, inputs):
        if graph == "look":
            return {"embedding": Encoder(self.network)(inputs["picture"])}
        if graph == "ask":
            return dict(zip(("tokens", "quality"), self.network.ask(inputs["corners"]), strict=True))
        found = self.network.answer(inputs["embedding"], inputs["tokens"], inputs["quality"])
        return dict(zip(("masks", "scores"), found, strict=True))

    @torch.no_grad()
    def embed(self, images):
        return {"embedding": self.network.encode(images)}

    @torch.no_grad()
    def answer(self, embedding, prompts):
        masks, iou = self.network.answer(embedding["embedding"], *self.network.ask(prompts["boxes"]))
        return {"mask_logits": masks[0], "iou": iou[0]}

    def state(self):
        return dict(self.network.state_dict())

    def to(self, device):
        return BoxerDeployment(copy.deepcopy(self.network).to(device))


def contract(graph: str, size: tuple[int, int], num_prompts: int) -> GraphContract:
    height, width = (side // STRIDE for side in size)
    embedding = _spec("embedding", (1, WIDTH, height, width), "NCHW", "flow")
    if graph == "look":
        picture = _spec("picture", (1, 3, *size), "NCHW", "image", (0.0, 255.0))
        return GraphContract(graph=graph, inputs=(picture,), outputs=(embedding,), image_size=size)
    tokens = _spec("tokens", (1, num_prompts, CANDIDATES * WIDTH), "NQC", "flow")
    quality = _spec("quality", (1, num_prompts, CANDIDATES), "NQM", "flow")
    if graph == "ask":
        corners = _spec("corners", (1, num_prompts, 4), "NQD", "boxes", (0.0, 1.0))
        return GraphContract(graph=graph, inputs=(corners,), outputs=(tokens, quality), image_size=size)
    masks = _spec("masks", (1, num_prompts, CANDIDATES, height, width), "NQMHW", "mask_logits")
    scores = _spec("scores", (1, num_prompts, CANDIDATES), "NQM", "iou")
    inputs = (embedding, tokens, quality)
    return GraphContract(graph=graph, inputs=inputs, outputs=(masks, scores), image_size=size)


def _spec(name, shape, layout, role, value_range=None) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout=layout,
        value_range=value_range,
        meaning="of a test",
        role=role,
    )


def _formula(like: dict[str, Tensor]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(9)
    return {name: torch.randn(tensor.shape, generator=generator) * 0.5 for name, tensor in like.items()}


BOXER = Family(
    variants=(VARIANT,),
    text_width=None,
    build=lambda variant, _classifier: Boxer(variant),
    to_published=lambda name: f"module_of_theirs.{name}",
    formula_weights=_formula,
    deployment=BoxerDeployment,
    facts=lambda _variant: {"candidates": CANDIDATES},
)
