"""RAP-SAM as seen by export, parity and runners."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from rapsam.contract import GraphContract, Pipeline, Sampling
from rapsam.models.rapsam.graphs import build_graph, published_graph
from rapsam.models.rapsam.model import RapSam
from rapsam.models.rapsam.parts import PARTS
from rapsam.models.rapsam.published_graphs import (
    PublishedEncoder,
    PublishedPanoptic,
    PublishedPanopticImage,
    PublishedPrompt,
)
from rapsam.tasks.postprocess import LENIENT, PostprocessSpec
from rapsam.tasks.preprocess import IMAGENET, Fit
from rapsam.tasks.prompt import POINT_RADIUS
from rapsam.tasks.prompt_set import PromptSpec

PUBLISHED_THRESHOLDS = PostprocessSpec(score_threshold=0.8, overlap_threshold=0.8)
PROMPT_SPEC = PromptSpec(
    encoding="boxes",
    max_points=1,
    negative_points=False,
    boxes=True,
    points_with_box=False,
    masks=False,
    candidates=1,
    point_radius=POINT_RADIUS,
)
OBJECTS = ("class_logits", "mask_logits", "queries")
PROMPTS = ("mask_logits", "iou")


class RapSamDeployment:
    """Implements `Deployment`, `ObjectFinder` and `PromptTaker` of `rapsam.models.deployment`."""

    tasks: tuple[str, ...] = ("panoptic", "prompt", "video")
    prompts = PROMPT_SPEC
    parts = PARTS
    normalisation = IMAGENET
    fit: Fit = "letterbox"

    def __init__(self, model: RapSam) -> None:
        # A reference in training mode would normalise by the batch and not by what was learnt.
        self.model = copy.deepcopy(model).eval() if model.training else model
        self.name = model.name
        self.weights = model.weights
        self.prototypes = model.text_classifier.origin
        self.labels = model.text_classifier.label_set
        self.postprocess = PUBLISHED_THRESHOLDS if model.weights.trained else LENIENT

    def pipelines(self, tasks: Sequence[str]) -> tuple[Pipeline, ...]:
        """Objects alone need one graph; with prompts both decoders share the encoder."""
        objects = ("encoder", "panoptic") if "prompt" in tasks else ("panoptic_image",)
        graphs = {"panoptic": objects, "video": objects, "prompt": ("encoder", "prompt")}
        return tuple(Pipeline(task=task, graphs=graphs[task]) for task in tasks)

    def build_graph(
        self,
        graph: str,
        size: tuple[int, int],
        num_prompts: int,
        sampling: Sampling = "rows",
        *,
        narrow: bool = False,
    ) -> tuple[nn.Module, GraphContract]:
        """See `rapsam.models.rapsam.graphs.build_graph`."""
        return build_graph(self.model, graph, size, num_prompts, sampling, narrow=narrow)

    def published_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int
    ) -> tuple[nn.Module, GraphContract]:
        """See `rapsam.models.rapsam.graphs.published_graph`."""
        return published_graph(self.model, graph, size, num_prompts)

    @torch.no_grad()
    def reference(self, graph: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Computes a graph's outputs with the trainable network, in float32."""
        model = self.model
        if graph == "encoder":
            image = PublishedEncoder(model).normalised(inputs["image"])
            return {"features": model.neck.basis(model.backbone(image.contiguous()))}
        if graph == "panoptic_image":
            return _named(OBJECTS, PublishedPanopticImage(model)(inputs["image"]))
        features = model.neck.feature_conv(inputs["features"])
        if graph == "prompt":
            return _named(PROMPTS, PublishedPrompt(model)(features, inputs["boxes"]))
        return _named(OBJECTS, PublishedPanoptic(model)(features))

    @torch.no_grad()
    def detect(self, images: Tensor) -> dict[str, Tensor]:
        """Finds objects in a clip; see the protocol."""
        final = self.model(images, num_frames=images.shape[0]).stages[-1]
        return {
            "class_logits": final.class_logits[0],
            "queries": final.queries[0],
            "mask_logits": final.mask_logits[0],
        }

    @torch.no_grad()
    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Computes the mask features of an image; see the protocol."""
        return {"features": self.model.encode(images)}

    @torch.no_grad()
    def answer(self, embedding: Mapping[str, Tensor], prompts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Segments prompts, one candidate each; see the protocol."""
        outputs = _named(PROMPTS, PublishedPrompt(self.model)(embedding["features"], prompts["boxes"]))
        return {name: tensor[0].unsqueeze(1) for name, tensor in outputs.items()}

    def state(self) -> dict[str, Tensor]:
        """Returns the weights, and the text prototypes that the state dict leaves out."""
        return {**self.model.state_dict(), "text_prototypes": self.model.text_classifier.prototypes}

    def to(self, device: str) -> Self:
        """Copies the network to a device."""
        return type(self)(copy.deepcopy(self.model).to(device))


def _named(names: tuple[str, ...], outputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    return dict(zip(names, outputs, strict=True))
