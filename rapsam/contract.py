"""What a graph takes and gives, in one typed object that every converter, runner and app reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.errors import InputError

Array = npt.NDArray[np.float32]
# How a target reads maps at computed positions: by gathering rows, or with a bilinear sampler of its own.
Sampling = Literal["rows", "grid"]


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input or output of a graph.

    Attributes:
        name: Name in every format, as in "mask_logits".
        shape: Static shape.
        dtype: NumPy name of the element type; graphs speak float32 at their borders.
        layout: One letter per axis, as in "NCHW": N batch, C channels, H height, W width, Q queries
            or prompts, K classes, D box coordinates.
        value_range: Smallest and largest value that may occur, or None where there is no bound.
        meaning: One sentence for the engineer who writes the app.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: str
    value_range: tuple[float, float] | None
    meaning: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

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
        graph: Name of the graph: "encoder", "panoptic", "prompt" or "panoptic_image".
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
        """Makes random inputs inside the declared value ranges (standard normal where there is none)."""
        rng = np.random.default_rng(seed)
        arrays: dict[str, Array] = {}
        for spec in self.inputs:
            if spec.value_range is None:
                values = rng.standard_normal(spec.shape)
            else:
                values = rng.uniform(*spec.value_range, spec.shape)
            arrays[spec.name] = values.astype(np.float32)
        return arrays

    def check_inputs(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Raises `InputError` unless `arrays` holds exactly the declared inputs."""
        _check_named(self.graph, "input", self.inputs, arrays)

    def check_outputs(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Raises `InputError` unless `arrays` holds exactly the declared outputs."""
        _check_named(self.graph, "output", self.outputs, arrays)


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
