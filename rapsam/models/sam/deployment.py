"""The family as seen by export, parity and runners."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.contract import ENLARGED_MASKS, GraphContract, Pipeline, Sampling
from rapsam.models.promptable import Answer
from rapsam.models.sam.graphs import GRAPHS, build_graph, published_graph
from rapsam.models.sam.mask_decoder import NUM_MASKS, enlarged_masks
from rapsam.models.sam.model import Sam
from rapsam.models.sam.parts import PARTS
from rapsam.models.sam.prompt_encoder import MASK_STRIDE
from rapsam.models.sam.published_graphs import PublishedEncoder, answer_slots
from rapsam.tasks.preprocess import IMAGENET, Fit
from rapsam.tasks.prompt_set import PromptSpec

MAX_POINTS = 2
"""Points of one prompt, beside a box. Every slot for one costs time in every attention of the decoder."""


class SamDeployment:
    """Implements `Deployment`, `PointTaker` and `MaskEnlarger` of `rapsam.models.deployment`.

    Args:
        model: The network.
        max_points: Points of one prompt, for which its graphs have slots.
        enlarges_masks: See `MaskEnlarger`.
    """

    tasks: tuple[str, ...] = ("prompt",)
    parts = PARTS
    normalisation = IMAGENET
    fit: Fit = "longest side"

    def __init__(self, model: Sam, max_points: int = MAX_POINTS, *, enlarges_masks: bool = False) -> None:
        # A reference in training mode would normalise by the batch and not by what was learnt.
        self.model = copy.deepcopy(model).eval() if model.training else model
        self.name = model.name
        self.weights = model.weights
        self.enlarges_masks = enlarges_masks
        self.prompts = PromptSpec(
            encoding="points",
            max_points=max_points,
            negative_points=True,
            boxes=True,
            points_with_box=True,
            masks=True,
            candidates=NUM_MASKS,
            point_radius=None,
            single=model.clear_mask,
            choice="iou" if model.config.trusts_iou else "stability",
            mask_stride=MASK_STRIDE,
        )

    def pipelines(self, tasks: Sequence[str]) -> tuple[Pipeline, ...]:
        """The encoder runs once for an image, the decoder for prompts."""
        return tuple(Pipeline(task=task, graphs=GRAPHS) for task in tasks)

    def build_graph(
        self,
        graph: str,
        size: tuple[int, int],
        num_prompts: int,
        sampling: Sampling = "rows",
        *,
        narrow: bool = False,
    ) -> tuple[nn.Module, GraphContract]:
        """See `rapsam.models.sam.graphs.build_graph`; nothing is sampled, and no range has to be kept."""
        del sampling, narrow
        slots, enlarged = self.prompts.slots, self.enlarges_masks
        return build_graph(self.model, graph, size, num_prompts, slots, enlarged=enlarged)

    def published_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int
    ) -> tuple[nn.Module, GraphContract]:
        """See `rapsam.models.sam.graphs.published_graph`."""
        slots, enlarged = self.prompts.slots, self.enlarges_masks
        return published_graph(self.model, graph, size, num_prompts, slots, enlarged=enlarged)

    @torch.no_grad()
    def reference(self, graph: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Computes a graph's outputs with the trainable network, in float32."""
        if graph == "encoder":
            return {"embedding": PublishedEncoder(self.model)(inputs["image"])}
        answer = self._answer(inputs["embedding"], inputs)
        found = {name: tensor.unsqueeze(0) for name, tensor in answer._asdict().items()}
        if self.enlarges_masks:
            found[ENLARGED_MASKS] = enlarged_masks(answer.mask_logits).unsqueeze(0)
        return found

    @torch.no_grad()
    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Computes the embedding of an image, padded to a square as its authors do; see the protocol."""
        side = max(images.shape[-2:])
        padded = F.pad(images, (0, side - images.shape[-1], 0, side - images.shape[-2]))
        return {"embedding": self.model.encode(padded)}

    @torch.no_grad()
    def answer(self, embedding: Mapping[str, Tensor], prompts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Segments prompts, four candidates each; see the protocol."""
        return dict(self._answer(embedding["embedding"], prompts)._asdict())

    def state(self) -> dict[str, Tensor]:
        """Returns the weights."""
        return dict(self.model.state_dict())

    def with_max_points(self, max_points: int) -> Self:
        """Returns the same network, whose graphs have slots for so many points of one prompt."""
        return type(self)(self.model, max_points, enlarges_masks=self.enlarges_masks)

    def with_enlarged_masks(self) -> Self:
        """Returns the same network, whose decoder returns masks of the image's own size too."""
        return type(self)(self.model, self.prompts.max_points, enlarges_masks=True)

    def to(self, device: str) -> Self:
        """Copies the network to a device."""
        model = copy.deepcopy(self.model).to(device)
        return type(self)(model, self.prompts.max_points, enlarges_masks=self.enlarges_masks)

    def _answer(self, embedding: Tensor, prompts: Mapping[str, Tensor]) -> Answer:
        points, labels = prompts["points"][0], prompts["point_labels"][0]
        masks, given = prompts["mask_prompt"][0], prompts["has_mask_prompt"][0]
        return answer_slots(self.model, embedding, points, labels, masks, given)
