"""Between the named arrays of a contract and what runtimes take and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.backends.base import Artifact
from rapsam.export.backends.recipes import Recipe
from rapsam.files import sha256_of, size_of
from rapsam.inference.runner import Arrays

Shapes = dict[str, tuple[int, ...]]


def named_inputs(contract: GraphContract, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
    """Checks inputs and puts them in the order of the contract, each in memory of its own layout.

    Raises:
        InputError: If an input is missing, unknown, or of another shape or dtype.
    """
    contract.check_inputs(inputs)
    return {spec.name: np.require(inputs[spec.name], requirements=("C", "W")) for spec in contract.inputs}


def named_outputs(contract: GraphContract, values: Sequence[npt.ArrayLike]) -> Arrays:
    """Names the values that a runtime gave, in the order of the contract, as float32 copies."""
    pairs = zip(contract.outputs, values, strict=True)
    arrays = {spec.name: np.array(value, dtype=np.float32) for spec, value in pairs}
    contract.check_outputs(arrays)
    return arrays


def input_shapes(contract: GraphContract) -> Shapes:
    """Returns the shapes of the inputs by name, in order."""
    return {spec.name: spec.shape for spec in contract.inputs}


def output_shapes(contract: GraphContract) -> Shapes:
    """Returns the shapes of the outputs by name, in order."""
    return {spec.name: spec.shape for spec in contract.outputs}


def check_signature(contract: GraphContract, path: Path, inputs: Shapes, outputs: Shapes) -> None:
    """Raises `BundleError` unless the file's inputs and outputs are those of the contract."""
    for kind, found, expected in (
        ("inputs", inputs, input_shapes(contract)),
        ("outputs", outputs, output_shapes(contract)),
    ):
        if found != expected:
            raise BundleError(
                f"{path} has the {kind} {found}; its contract declares {expected}: export again"
            )


def describe(path: Path, recipe: Recipe, minimum_runtime: str, tool_versions: dict[str, str]) -> Artifact:
    """Describes what was written to `path`."""
    return Artifact(
        path=path,
        sha256=sha256_of(path),
        size_bytes=size_of(path),
        recipe=recipe.name,
        minimum_runtime=minimum_runtime,
        tool_versions=tool_versions,
    )
