"""A third family for tests: it takes points with labels, a box and a mask, and answers with discs.

What it answers can be said without a network: a prompt means discs around its points, of three sizes, and
candidate 0 is the disc inside of its box. Weights add a little colour to that, so that there is something to
export.
"""

from __future__ import annotations

import copy
from typing import ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from rapsam.contract import GraphContract, Pipeline, TensorSpec
from rapsam.models.family import Family
from rapsam.models.network import SegmentationNetwork
from rapsam.tasks.preprocess import Normalisation
from rapsam.tasks.prompt_set import PromptSpec

VARIANT = "clicker_tiny"
CANDIDATES, STRIDE, COLOURED = 4, 4, 2
RADII = (0.15, 0.08, 0.15, 0.25)
"""Of the candidates, as fractions of the image's side; candidate 0 has that of the box, if there is one."""
COLOURS = Normalisation(mean=(120.0, 110.0, 100.0), std=(60.0, 60.0, 60.0))
SPEC = PromptSpec(
    encoding="points",
    max_points=3,
    negative_points=True,
    boxes=True,
    points_with_box=True,
    masks=True,
    candidates=CANDIDATES,
    point_radius=None,
    single=0,
    mask_stride=STRIDE,
)
ROLES = ("points", "point_labels", "mask_prompt", "has_mask_prompt")


class Clicker(SegmentationNetwork):
    """Discs around points: negative ones shrink them, a mask prompt is added to them."""

    text_classifier = None

    def __init__(self, name: str) -> None:
        super().__init__(name)
        torch.manual_seed(6)
        self.stem = nn.Conv2d(3, COLOURED, STRIDE, STRIDE)
        self.colour = nn.Linear(2, CANDIDATES * COLOURED)
        self.quality = nn.Linear(2, CANDIDATES)

    def encode(self, images: Tensor) -> Tensor:
        return torch.tanh(self.stem(images))

    def answer(
        self, embedding: Tensor, points: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        count, (height, width) = points.shape[1], embedding.shape[-2:]
        inside, beside, padding, first, second = (
            (labels == label).float().unsqueeze(-1) for label in (1, 0, -1, 2, 3)
        )
        places = points / (STRIDE * width)
        weights = inside + 0.5 * (first + second)
        centre = (weights * places).sum(2) / weights.sum(2).clamp(min=1e-3)
        half = ((second - first) * places).sum(2).mean(-1, keepdim=True) / 2
        own = torch.tensor(RADII, device=points.device).expand(1, count, CANDIDATES)
        is_single = torch.tensor([1.0, 0, 0, 0], device=points.device)
        boxed = first.sum(2) * is_single
        radius = own * (1 - boxed) + half * boxed
        radius = radius * (1 - 0.2 * beside.sum(2)) + 0.01 * padding.sum(2)
        y = (torch.arange(height, device=points.device) + 0.5).view(1, 1, -1, 1) / height
        x = (torch.arange(width, device=points.device) + 0.5).view(1, 1, 1, -1) / width
        away = (y - centre[..., 1].view(1, count, 1, 1)) ** 2 + (x - centre[..., 0].view(1, count, 1, 1)) ** 2
        discs = 200 * (radius.view(1, count, CANDIDATES, 1, 1) ** 2 - away.unsqueeze(2))
        colour = self.colour(centre).reshape(1, count * CANDIDATES, COLOURED) @ embedding.flatten(2)
        masks = discs + 0.1 * colour.reshape(1, count, CANDIDATES, height, width)
        masks = masks + 0.5 * has_mask.view(1, count, 1, 1, 1) * mask
        return masks, 0.9 + 0.05 * torch.tanh(4 * self.quality(centre))

    def test_sides(self, *, video: bool) -> tuple[int, int]:
        del video
        return 64, 64


class Encoder(nn.Module):
    def __init__(self, network: Clicker) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(COLOURS.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(COLOURS.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.network.encode((image - self.mean) / self.std)


class Decoder(nn.Module):
    def __init__(self, network: Clicker) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, embedding: Tensor, points: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.network.answer(embedding, points, labels, mask, has_mask)


class ClickerDeployment:
    """Implements `Deployment` and `PointTaker`."""

    tasks = ("prompt",)
    parts: ClassVar = {}
    normalisation = COLOURS
    fit = "longest side"

    def __init__(self, network: Clicker, prompts: PromptSpec = SPEC) -> None:
        self.network = network
        self.prompts = prompts
        self.name = network.name
        self.weights = network.weights

    def pipelines(self, tasks):
        return tuple(Pipeline(task=task, graphs=("see", "decide")) for task in tasks)

    def build_graph(self, graph, size, num_prompts, sampling="rows", *, narrow=False):
        del sampling, narrow
        return self.published_graph(graph, size, num_prompts)

    def published_graph(self, graph, size, num_prompts):
        module = {"see": Encoder, "decide": Decoder}[graph](copy.deepcopy(self.network))
        return module.eval().requires_grad_(False), contract(graph, size, num_prompts, self.prompts.slots)

    @torch.no_grad()
    def reference(self, graph, inputs):
        if graph == "see":
            return {"seen": Encoder(self.network)(inputs["photo"])}
        return dict(zip(("discs", "quality"), self.network.answer(*inputs.values()), strict=True))

    @torch.no_grad()
    def embed(self, images):
        return {"seen": self.network.encode(images)}

    @torch.no_grad()
    def answer(self, embedding, prompts):
        masks, iou = self.network.answer(embedding["seen"], *(prompts[role] for role in ROLES))
        return {"mask_logits": masks[0], "iou": iou[0]}

    def state(self):
        return dict(self.network.state_dict())

    def to(self, device):
        return ClickerDeployment(copy.deepcopy(self.network).to(device), self.prompts)

    def with_max_points(self, max_points):
        return ClickerDeployment(self.network, replace(self.prompts, max_points=max_points))


def contract(graph: str, size: tuple[int, int], num_prompts: int, slots: int) -> GraphContract:
    height, width = (side // STRIDE for side in size)
    seen = _spec("seen", (1, COLOURED, height, width), "NCHW", "flow")
    if graph == "see":
        photo = _spec("photo", (1, 3, *size), "NCHW", "image", value_range=(0.0, 255.0))
        return GraphContract(graph=graph, inputs=(photo,), outputs=(seen,), image_size=size)
    maps = (height, width)
    inputs = (
        seen,
        _spec("clicks", (1, num_prompts, slots, 2), "NQSD", "points", value_range=(0.0, float(size[1]))),
        _spec("labels", (1, num_prompts, slots), "NQS", "point_labels", values=(-2.0, -1.0, 0.0, 1.0)),
        _spec("before", (1, num_prompts, 1, *maps), "NQMHW", "mask_prompt"),
        _spec("has_before", (1, num_prompts), "NQ", "has_mask_prompt", values=(0.0, 1.0)),
    )
    discs = _spec("discs", (1, num_prompts, CANDIDATES, *maps), "NQMHW", "mask_logits")
    quality = _spec("quality", (1, num_prompts, CANDIDATES), "NQM", "iou")
    return GraphContract(graph=graph, inputs=inputs, outputs=(discs, quality), image_size=size)


def _spec(name, shape, layout, role, **more) -> TensorSpec:
    given = {"dtype": "float32", "value_range": None, "meaning": "of a test", **more}
    return TensorSpec(name=name, shape=shape, layout=layout, role=role, **given)


def _formula(like: dict[str, Tensor]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(9)
    return {name: torch.randn(tensor.shape, generator=generator) * 0.2 for name, tensor in like.items()}


CLICKER = Family(
    variants=(VARIANT,),
    text_width=None,
    build=lambda variant, _classifier: Clicker(variant),
    to_published=lambda name: f"clicker.{name}",
    formula_weights=_formula,
    deployment=ClickerDeployment,
    facts=lambda _variant: {"candidates": CANDIDATES},
)
