"""From a module to a file on disk: captured, quantised where the recipe says so, lowered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rapsam.contract import GraphContract
from rapsam.export.backends import find_backend
from rapsam.export.backends.base import NO_METADATA, Artifact, file_quantiser
from rapsam.export.backends.file_limits import check_fits
from rapsam.export.backends.guard import refusing
from rapsam.export.backends.packages import missing_package, refuse_if
from rapsam.export.backends.recipes import Recipe
from rapsam.inference.runner import Arrays
from rapsam.models.parts import PartRole
from rapsam.quantize.scheme import Quantisation

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

    from rapsam.quantize.captured import Quantised
    from rapsam.quantize.policy import Left

Progress = Callable[[str], None]


class GraphCalibration(NamedTuple):
    """What a quantiser must know of one graph.

    Attributes:
        samples: Inputs of the graph; can be gone through more than once.
        parts: See `rapsam.models.deployment.Deployment.parts`.
        kept: Modules that stay float beside those of the recipe.
    """

    samples: Iterable[Arrays]
    parts: Mapping[PartRole, str]
    kept: frozenset[str] = frozenset()


NOT_CALIBRATED = GraphCalibration(samples=(), parts={})


class Lowered(NamedTuple):
    """A graph on its way to a file.

    Attributes:
        captured: As it was captured.
        program: What was lowered: the same, or quantised.
        artifact: The file.
        left: Operators with multiply-adds that a recipe that quantises left float.
    """

    captured: ExportedProgram
    program: ExportedProgram
    artifact: Artifact
    left: tuple[Left, ...] = ()


def lower_graph(
    module: nn.Module,
    contract: GraphContract,
    recipe: Recipe,
    path: Path,
    progress: Progress,
    metadata: Mapping[str, str] = NO_METADATA,
    calibration: GraphCalibration = NOT_CALIBRATED,
) -> Lowered:
    """Captures a graph, quantises it if its recipe asks for that, and lowers it.

    Args:
        module: A graph as `Deployment.build_graph` makes it.
        contract: Its contract.
        recipe: How to lower.
        path: File to write, with the suffix of the recipe's backend; must not exist.
        progress: Called with one line per step.
        metadata: See `Backend.lower`.
        calibration: For a recipe that quantises.

    Raises:
        ExportError: If the graph cannot be captured, is too large for a file, or a converter refuses it.
        InputError: If the recipe needs samples and there are none, or they cannot be used.
        UnavailableError: If the converter is not installed.
    """
    from rapsam.graph.capture import capture
    from rapsam.quantize.compensated import compensate_weights
    from rapsam.quantize.policy import choose_operators, modules_of

    check_fits(module, contract, recipe)
    progress(f"{contract.graph}: capturing")
    captured = program = capture(module, contract)
    left: tuple[Left, ...] = ()
    backend, scheme = find_backend(recipe.backend), recipe.quantisation
    if scheme is not None and scheme.stage == "graph":
        progress(f"{contract.graph}: quantising to {recipe.precision}")
        program, left = _quantised(program, contract, scheme, calibration)
    if scheme is not None and scheme.compensated:
        progress(f"{contract.graph}: choosing weights of {scheme.weight_bits} bits")
        samples, parts, kept = calibration
        program = compensate_weights(program, contract, scheme, samples, parts, kept, progress)
    progress(f"{contract.graph}: lowering to {recipe.name}")
    artifact = backend.lower(program, contract, recipe, path, metadata)
    if scheme is not None and scheme.stage == "file":
        progress(f"{contract.graph}: quantising the file to {recipe.precision}")
        choice = choose_operators(program.graph, scheme, calibration.parts, calibration.kept)
        modules, left = modules_of(choice), choice.left
        quantiser = file_quantiser(backend)
        artifact = quantiser.quantise_file(artifact, contract, recipe, modules, calibration.samples)
    return Lowered(captured, program, artifact, left)


def _quantised(
    program: ExportedProgram,
    contract: GraphContract,
    scheme: Quantisation,
    calibration: GraphCalibration,
) -> Quantised:
    refuse_if(missing_package("quantize", ("torchao",)))
    with refusing("torchao", contract.graph):  # which tells what it cannot load
        from rapsam.quantize.captured import quantise_captured

        samples, parts, kept = calibration
        return quantise_captured(program, contract, scheme, samples, parts, kept)
