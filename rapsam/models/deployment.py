"""What a model family offers to everything that exports, checks or runs it, by capability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self, TypeGuard, runtime_checkable

from torch import Tensor, nn

from rapsam.contract import GraphContract, Pipeline, Sampling, tasks_find_objects, tasks_take_prompts
from rapsam.models.origins import Prototypes, Weights
from rapsam.models.parts import PartRole
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.preprocess import Fit, Normalisation
from rapsam.tasks.prompt_set import PromptSpec


class Deployment(Protocol):
    """A trained network seen from the outside: its graphs, and what they must compute.

    Attributes:
        name: Name of the variant.
        weights: Where the weights come from.
    """

    name: str
    weights: Weights

    @property
    def normalisation(self) -> Normalisation:
        """What the network does to the colours of an image."""
        ...

    @property
    def fit(self) -> Fit:
        """How images meet its input."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the network can do, keys of `rapsam.contract.TASKS`."""
        ...

    def pipelines(self, tasks: Sequence[str]) -> tuple[Pipeline, ...]:
        """Returns the graphs that do each of these tasks; tasks may share graphs."""
        ...

    @property
    def parts(self) -> Mapping[PartRole, str]:
        """Parts of deployable graphs with a role: role to a regular expression, found in modules' names."""
        ...

    def build_graph(
        self,
        graph: str,
        size: tuple[int, int],
        num_prompts: int,
        sampling: Sampling = "rows",
        *,
        narrow: bool = False,
    ) -> tuple[nn.Module, GraphContract]:
        """Makes one deployable graph and its contract.

        Args:
            graph: Its name.
            size: Image (height, width).
            num_prompts: Prompts per pass, for a graph that takes any.
            sampling: How deformable convolutions read their maps.
            narrow: Whether the graph is for arithmetic of few bits: what goes through weights then keeps to
                ranges that one scale can cover, by exact rewrites of the family.
        """
        ...

    def published_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int
    ) -> tuple[nn.Module, GraphContract]:
        """Returns the same graph as the trainable network computes it, un-rewritten, with its own borders."""
        ...

    def reference(self, graph: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Computes a graph's outputs with the trainable network itself, un-rewritten, in float32."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Returns all tensors that decide the result, text prototypes included."""
        ...

    def to(self, device: str) -> Deployment:
        """Copies the network to "cpu" or "cuda"."""
        ...


class ObjectFinder(Deployment, Protocol):
    """A deployment that finds objects in images and clips.

    Attributes:
        labels: Names of the classes.
        prototypes: Where the text prototypes come from that name the classes; None without any.
        postprocess: Thresholds that suit these weights.
    """

    labels: LabelSet
    prototypes: Prototypes | None
    postprocess: PostprocessSpec

    def detect(self, images: Tensor) -> dict[str, Tensor]:
        """Finds objects in a clip of normalised frames (T, 3, H, W), any T and size, un-rewritten.

        Returns:
            "class_logits" (N, K + 1), "queries" (N, C) and "mask_logits" (N, T, h, w).
        """
        ...


class PromptTaker(Deployment, Protocol):
    """A deployment that segments what prompts ask for."""

    @property
    def prompts(self) -> PromptSpec:
        """What it takes as a prompt."""
        ...

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Computes what prompts in a normalised image (1, 3, H, W) have in common, un-rewritten."""
        ...

    def answer(self, embedding: Mapping[str, Tensor], prompts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Segments prompts in an image, un-rewritten.

        Args:
            embedding: Of the image, from `embed`.
            prompts: Role to encoded prompts (1, K, ...); see `rapsam.tasks.prompt_encoding.encode_prompts`.

        Returns:
            "mask_logits" (K, M, h, w) and "iou" (K, M), M candidates per prompt.
        """
        ...


class PointTaker(PromptTaker, Protocol):
    """A deployment whose prompts are points in slots, as many as its user wants."""

    def with_max_points(self, max_points: int) -> Self:
        """Returns the same network, whose graphs have slots for so many points of one prompt."""
        ...


@runtime_checkable
class MaskEnlarger(Protocol):
    """A deployment whose graphs can return masks at the sides of their image too: `ENLARGED_MASKS`.

    Attributes:
        enlarges_masks: Whether they do.
    """

    enlarges_masks: bool

    def with_enlarged_masks(self) -> Self:
        """Returns the same network, whose graphs do."""
        ...


def finds_objects(deployment: Deployment) -> TypeGuard[ObjectFinder]:
    """Tells whether a network finds objects."""
    return tasks_find_objects(deployment.tasks)


def takes_prompts(deployment: Deployment) -> TypeGuard[PromptTaker]:
    """Tells whether a network answers prompts."""
    return tasks_take_prompts(deployment.tasks)


def enlarges_masks(deployment: Deployment) -> bool:
    """Tells whether graphs of a network return masks at the sides of their image too."""
    return isinstance(deployment, MaskEnlarger) and deployment.enlarges_masks


def takes_points(deployment: Deployment) -> TypeGuard[PointTaker]:
    """Tells whether a prompt of a network may have as many points as its graphs have slots for."""
    return takes_prompts(deployment) and deployment.prompts.encoding == "points"
