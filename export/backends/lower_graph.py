"""From a module to a file on disk: captured, quantised where the recipe says so, lowered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from rapsam.contract import GraphContract
from rapsam.errors import unknown_name
from rapsam.export.backends import find_backend
from rapsam.export.backends.base import NO_METADATA, Artifact
from rapsam.export.backends.recipes import Recipe

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

Progress = Callable[[str], None]


class Quantiser(Protocol):
    """Makes weights, or all of the arithmetic, of a captured graph smaller."""

    def quantise(self, program: ExportedProgram, contract: GraphContract, recipe: Recipe) -> ExportedProgram:
        """Returns a new program with the same inputs and outputs; `program` is not changed."""
        ...


QUANTISERS: dict[str, Quantiser] = {}
"""By the names that recipes use."""


class Lowered(NamedTuple):
    """A graph on its way to a file.

    Attributes:
        program: What was lowered.
        artifact: The file.
    """

    program: ExportedProgram
    artifact: Artifact


def lower_graph(
    module: nn.Module,
    contract: GraphContract,
    recipe: Recipe,
    path: Path,
    progress: Progress,
    metadata: Mapping[str, str] = NO_METADATA,
) -> Lowered:
    """Captures a graph, quantises it if its recipe asks for that, and lowers it.

    Args:
        module: A graph as `Deployment.build_graph` makes it.
        contract: Its contract.
        recipe: How to lower.
        path: File to write, with the suffix of the recipe's backend; must not exist.
        progress: Called with one line per step.
        metadata: See `Backend.lower`.

    Raises:
        ExportError: If the graph cannot be captured, or a converter refuses it.
        UnavailableError: If the converter is not installed.
    """
    from rapsam.graph.capture import capture

    progress(f"{contract.graph}: capturing")
    program = capture(module, contract)
    if recipe.quantiser is not None:
        progress(f"{contract.graph}: quantising")
        program = find_quantiser(recipe.quantiser).quantise(program, contract, recipe)
    progress(f"{contract.graph}: lowering to {recipe.name}")
    artifact = find_backend(recipe.backend).lower(program, contract, recipe, path, metadata)
    return Lowered(program, artifact)


def find_quantiser(name: str) -> Quantiser:
    """Finds a quantiser by the name that recipes use.

    Raises:
        InputError: If there is none.
    """
    if name not in QUANTISERS:
        raise unknown_name("quantiser", name, QUANTISERS)
    return QUANTISERS[name]
