"""RAP-SAM as seen by export, parity and runners."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from rapsam.contract import GraphContract
from rapsam.models.rapsam.graphs import build_graph
from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.preprocess import MEAN, STD


class RapSamDeployment:
    """Implements `rapsam.models.deployment.Deployment`."""

    def __init__(self, model: RapSam) -> None:
        # A reference in training mode would normalise by the batch and not by what was learnt.
        self.model = copy.deepcopy(model).eval() if model.training else model
        self.name = model.name
        self.weights_origin = model.weights_origin
        self.classifier_origin = model.text_classifier.origin
        self.trained = not model.weights_origin.endswith("(untrained)")
        self.label_set = model.text_classifier.label_set

    def graphs_for(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Objects alone need one graph; with prompts both decoders share the encoder."""
        if "prompt" not in tasks:
            return ("panoptic_image",)
        if len(tasks) == 1:
            return "encoder", "prompt"
        return "encoder", "panoptic", "prompt"

    def build_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int
    ) -> tuple[nn.Module, GraphContract]:
        """See `rapsam.models.rapsam.graphs.build_graph`."""
        return build_graph(self.model, graph, size, num_prompts)

    @torch.no_grad()
    def reference(self, graph: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Computes a graph's outputs with the trainable network, in float32."""
        if graph == "encoder":
            return {"features": self._encode(inputs["image"])}
        features = self._encode(inputs["image"]) if graph == "panoptic_image" else inputs["features"]
        pixels, shape = features.flatten(2), features.shape[-2:]
        classifier = self.model.text_classifier
        if graph == "prompt":
            prompts = self.model.prompt_encoder(inputs["boxes"])
            final = self.model.decoder.segment_prompts(prompts, pixels, classifier)[-1]
            return {"mask_logits": final.mask_logits.unflatten(-1, shape), "iou": final.iou}
        final = self.model.decoder.detect(pixels, classifier)[-1]
        return {
            "class_logits": final.class_logits,
            "mask_logits": final.mask_logits.unflatten(-1, shape),
            "queries": final.queries,
        }

    @torch.no_grad()
    def detect(self, images: Tensor) -> dict[str, Tensor]:
        """Finds objects in a clip; see the protocol."""
        final = self.model(images, num_frames=images.shape[0]).stages[-1]
        return {
            "class_logits": final.class_logits[0],
            "queries": final.queries[0],
            "mask_logits": final.mask_logits[0],
        }

    def segment(self, images: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        """Segments prompted boxes; see the protocol."""
        with torch.no_grad():
            features = self.model.encode(images)
        outputs = self.reference("prompt", {"features": features, "boxes": boxes})
        return {name: tensor[0] for name, tensor in outputs.items()}

    def state(self) -> dict[str, Tensor]:
        """Weights, and the text prototypes that the state dict leaves out."""
        return {**self.model.state_dict(), "text_prototypes": self.model.text_classifier.prototypes}

    def to(self, device: str) -> Self:
        """Copies the network to a device."""
        return type(self)(copy.deepcopy(self.model).to(device))

    def _encode(self, image: Tensor) -> Tensor:
        mean = torch.tensor(MEAN, device=image.device).view(1, 3, 1, 1)
        std = torch.tensor(STD, device=image.device).view(1, 3, 1, 1)
        return self.model.encode((image - mean) / std)
