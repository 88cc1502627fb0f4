"""What a model family offers to everything that exports, checks or runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from rapsam.contract import GraphContract, Sampling
from rapsam.tasks.labels import LabelSet

TASKS = ("panoptic", "prompt", "video")


class Deployment(Protocol):
    """A trained network seen from the outside: its graphs, and what they must compute.

    Attributes:
        name: Name of the variant.
        weights_origin: Where the weights come from.
        classifier_origin: Where the text prototypes come from.
        trained: Whether the weights have learnt anything.
        label_set: Names of the classes.
    """

    name: str
    weights_origin: str
    classifier_origin: str
    trained: bool
    label_set: LabelSet

    def graphs_for(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Names the graphs that do these tasks, in the order in which an app runs them."""
        ...

    def build_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int, sampling: Sampling = "rows"
    ) -> tuple[nn.Module, GraphContract]:
        """Makes one deployable graph and its contract."""
        ...

    def published_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int
    ) -> tuple[nn.Module, GraphContract]:
        """Gives the same graph as the trainable network computes it, un-rewritten, with its own borders."""
        ...

    def reference(self, graph: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Computes a graph's outputs with the trainable network itself, un-rewritten, in float32."""
        ...

    def detect(self, images: Tensor) -> dict[str, Tensor]:
        """Finds objects in a clip of normalised frames (T, 3, H, W), any T and size, un-rewritten.

        Gives "class_logits" (N, K + 1), "queries" (N, C) and "mask_logits" (N, T, h, w).
        """
        ...

    def segment(self, images: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        """Segments boxes (1, K, 4), fractions of the unpadded image, in a normalised image (1, 3, H, W).

        Gives "mask_logits" (K, h, w) and "iou" (K).
        """
        ...

    def state(self) -> dict[str, Tensor]:
        """All tensors that decide the result: weights and text prototypes."""
        ...

    def to(self, device: str) -> Deployment:
        """Copies the network to "cpu" or "cuda"."""
        ...
