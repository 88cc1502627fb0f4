"""What graphs take and return, and which of them do a task: read by every converter, runner and app."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.errors import InputError

Array = npt.NDArray[np.float32]
# How a target reads maps at computed positions: by gathering rows, or with a bilinear sampler of its own.
Sampling = Literal["rows", "grid"]

Role = Literal[
    "image",
    "flow",
    "boxes",
    "points",
    "point_labels",
    "mask_prompt",
    "has_mask_prompt",
    "class_logits",
    "mask_logits",
    "queries",
    "iou",
]
"""What a tensor is to a task, whatever the family calls it.

"image": the padded RGB image. "flow": an output that graphs behind it in a pipeline take under the same
name, or an app alone, as `ENLARGED_MASKS`. "boxes", "points", "point_labels", "mask_prompt",
"has_mask_prompt": encoded prompts, see `rapsam.tasks.prompt_set.PromptSpec`. "class_logits": a score per
query and class, void last. "mask_logits": positive inside a mask. "queries": an embedding per object, to
match objects over time. "iou": predicted IoU of masks.
"""
PROMPT_ROLES: tuple[Role, ...] = ("boxes", "points", "point_labels", "mask_prompt", "has_mask_prompt")
"""Roles of inputs whose second axis counts prompts."""


class TaskRoles(msgspec.Struct, frozen=True, kw_only=True):
    """What the graphs of a task take from outside, and what they must return.

    Attributes:
        outputs: Roles that every pipeline of the task returns.
        prompted: Whether it takes prompts, in one or more of `PROMPT_ROLES`, beside the image.
    """

    outputs: tuple[Role, ...]
    prompted: bool = False


TASKS: dict[str, TaskRoles] = {
    "panoptic": TaskRoles(outputs=("class_logits", "mask_logits")),
    "prompt": TaskRoles(outputs=("mask_logits", "iou"), prompted=True),
    "video": TaskRoles(outputs=("class_logits", "mask_logits", "queries")),
}
"""What graphs can be exported for. Finding objects is "panoptic" in images and "video" in films."""


def tasks_find_objects(tasks: Iterable[str]) -> bool:
    """Tells whether some of these tasks find objects, and so need classes and thresholds."""
    return any("class_logits" in TASKS[task].outputs for task in tasks)


def tasks_take_prompts(tasks: Iterable[str]) -> bool:
    """Tells whether some of these tasks take prompts."""
    return any(TASKS[task].prompted for task in tasks)


ENLARGED_MASKS = "enlarged_mask_logits"
"""Output for apps that draw what a graph returns: mask logits at the sides of the network's image."""
MAX_SIDE = 2048
"""Of an image; a graph of that size takes tens of GB while it is exported."""
MAX_PROMPTS = 64
"""Per pass of a graph."""


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input or output of a graph.

    Attributes:
        name: Name in every format, as in "mask_logits".
        shape: Static shape.
        dtype: NumPy name of the element type; graphs speak float32 at their borders.
        layout: One letter per axis, as in "NCHW": N batch, C channels, H height, W width, Q queries
            or prompts, K classes, D coordinates, M candidate masks, S slots for points.
        value_range: Smallest and largest value that may occur, or None where there is no bound.
        meaning: One sentence for the engineer who writes the app.
        role: What it is to the task.
        values: The values that may occur, for an input that takes no others; None for any in the range.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: str
    value_range: tuple[float, float] | None
    meaning: str
    role: Role = "flow"
    values: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Raises `InputError` if the range is none, or it lists no value, or one outside the range."""
        low, high = self.value_range or (-math.inf, math.inf)
        if self.value_range is not None and not -math.inf < low <= high < math.inf:
            raise InputError(
                f"tensor {self.name!r} has the range {self.value_range}; expected two finite numbers, the "
                "smaller one first, or null"
            )
        if self.values is None:
            return
        if not self.values or not all(low <= value <= high for value in self.values):
            raise InputError(
                f"tensor {self.name!r} takes the values {list(self.values)[:8]}; expected at least one, "
                f"all in its range {self.value_range}"
            )

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def example(self, rng: np.random.Generator) -> Array:
        """Draws values that may occur: listed ones, or in the range; else standard normal ones."""
        if self.values is not None:
            drawn = rng.choice(self.values, self.shape)
        elif self.value_range is not None:
            drawn = rng.uniform(*self.value_range, self.shape)
        else:
            drawn = rng.standard_normal(self.shape)
        return drawn.astype(np.float32)

    def check(self, array: npt.NDArray[np.generic]) -> None:
        """Raises `InputError` unless `array` has this shape and dtype."""
        if array.shape != self.shape or array.dtype != np.dtype(self.dtype):
            raise InputError(
                f"tensor {self.name!r} is {array.dtype} {list(array.shape)}; "
                f"expected {self.dtype} {list(self.shape)} ({self.layout})"
            )


class GraphContract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inputs and outputs of one deployable graph, in order.

    Attributes:
        graph: Name of the graph, the family's own.
        inputs: Specs of the inputs, in the order of the arguments.
        outputs: Specs of the outputs, in the order they are returned.
        image_size: Height and width of the image that the graph works on, also where it takes features of it;
            None for a graph without an image.
    """

    graph: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    image_size: tuple[int, int] | None = None

    def example_inputs(self, seed: int = 0) -> dict[str, Array]:
        """Makes random inputs that may occur; see `TensorSpec.example`."""
        rng = np.random.default_rng(seed)
        return {spec.name: spec.example(rng) for spec in self.inputs}

    def check_inputs(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Raises `InputError` unless `arrays` holds exactly the declared inputs."""
        _check_named(self.graph, "input", self.inputs, arrays)

    def check_outputs(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Raises `InputError` unless `arrays` holds exactly the declared outputs."""
        _check_named(self.graph, "output", self.outputs, arrays)


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The graphs that do a task, one after another: what flows out of one may flow into those behind it.

    Attributes:
        task: Key of `TASKS`.
        graphs: Names of the graphs, in the order in which they run.
    """

    task: str
    graphs: tuple[str, ...]


def graphs_of(pipelines: Iterable[Pipeline]) -> tuple[str, ...]:
    """Lists the graphs of pipelines, each once, those that others wait for first."""
    return tuple(dict.fromkeys(graph for pipeline in pipelines for graph in pipeline.graphs))


def prompts_per_pass(contracts: Iterable[GraphContract]) -> int:
    """Returns how many prompts graphs take at a time; 0 if they take none."""
    inputs = (spec for contract in contracts for spec in contract.inputs)
    return min((spec.shape[1] for spec in inputs if spec.role in PROMPT_ROLES), default=0)


def returns_enlarged_masks(contracts: Iterable[GraphContract]) -> bool:
    """Tells whether graphs return masks at the sides of the network's image too."""
    return any(spec.name == ENLARGED_MASKS for contract in contracts for spec in contract.outputs)


def _check_named(
    graph: str,
    kind: str,
    specs: tuple[TensorSpec, ...],
    arrays: Mapping[str, npt.NDArray[np.generic]],
) -> None:
    expected, given = [spec.name for spec in specs], list(arrays)
    if sorted(expected) != sorted(given):
        raise InputError(f"graph {graph!r} has the {kind}s {expected}; got {given}")
    for spec in specs:
        spec.check(arrays[spec.name])
