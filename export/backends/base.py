"""The verbs of a backend, and the values that they pass on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, cast

import msgspec

from rapsam.contract import GraphContract
from rapsam.export.backends.delegation import DelegationReport
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.inference.runner import Arrays, Runner

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from rapsam.quantize.policy import Modules

Provenance = Literal["measured", "emulated"]
NO_METADATA: Mapping[str, str] = MappingProxyType({})
NOTHING_REFUSED: Mapping[str, str] = MappingProxyType({})


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A lowered graph on disk.

    Attributes:
        path: The file, or for Core ML the package folder.
        sha256: Hex digest of the file; for a folder, of its files' names and contents.
        size_bytes: Size of the file, or of all files in the folder.
        recipe: Name of the recipe that it was lowered with.
        minimum_runtime: Oldest runtime that is meant to run it, as in "tflite-runtime 2.14.0".
        tool_versions: Versions of the packages that made it.
        delegation: What the format's delegate takes over; None for a format that reports on none.
    """

    path: Path
    sha256: str
    size_bytes: int
    recipe: str
    minimum_runtime: str
    tool_versions: dict[str, str]
    delegation: DelegationReport | None = None


class Accelerator(msgspec.Struct, frozen=True):
    """What of a phone can compute a target's graphs beside the CPU.

    Attributes:
        name: By which the rules of `rapsam.export.lint` speak of it.
        units: Compute units of the target with which it takes part; the first is what asks for it alone.
        always_half: Whether it computes in float16 whatever the graph says.
        platform: The phones that have it, "ios" or "android"; None for both.
    """

    name: str
    units: tuple[str, ...]
    always_half: bool = False
    platform: Literal["ios", "android"] | None = None


class TargetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend declares of its target.

    Attributes:
        recipes: All that it knows; names are unique over all targets.
        default_precision: That of an export whose user names none.
        default_ios: Version of iOS of an export whose user names none; None for a format of other systems.
        platform: The phones that it is for, "ios" or "android"; None for both.
        refused: Precisions that it cannot have, with the reason.
        compute_units: What the catalogue of phones may advise an app to load its graphs for.
        accelerators: What may compute its graphs beside the CPU, as far as anything is known of it.
        most_bytes: Of a file; None where there is no limit that a network has met.
    """

    recipes: tuple[Recipe, ...]
    default_precision: str = "fp32"
    default_ios: int | None = None
    platform: Literal["ios", "android"] | None = None
    refused: Mapping[str, str] = NOTHING_REFUSED
    compute_units: tuple[str, ...] = ("cpu",)
    accelerators: tuple[Accelerator, ...] = ()
    most_bytes: int | None = None


class QuantisesFiles(Protocol):
    """A backend with recipes whose `stage` is "file": the target's own tools make the numbers small."""

    def quantise_file(
        self,
        artifact: Artifact,
        contract: GraphContract,
        recipe: Recipe,
        modules: Modules,
        samples: Iterable[Arrays],
    ) -> Artifact:
        """Quantises what `lower` wrote, in its place.

        Args:
            artifact: The float graph.
            contract: Its contract.
            recipe: What to do.
            modules: What is computed in integers, and what has small weights alone.
            samples: Inputs to find ranges on; gone through if the recipe needs them.

        Returns:
            The artifact as it is now.

        Raises:
            ExportError: If the tool refuses the graph.
        """
        ...


def file_quantiser(backend: Backend) -> QuantisesFiles:
    """Returns a backend as what quantises its files; its recipes say that it does."""
    assert hasattr(backend, "quantise_file"), f"{backend.name} has no quantise_file"
    return cast("QuantisesFiles", backend)


class Backend(Protocol):
    """One deployment format: how a graph is lowered to it and run from it.

    Attributes:
        name: What users call it; its key in `rapsam.export.backends.BACKENDS`.
        suffix: Of its files or folders, as in ".onnx".
        facts: What it declares of itself.
    """

    name: str
    suffix: str
    facts: TargetFacts

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """What can run its artifacts: parity asks all, prediction takes the first that works."""
        ...

    def unavailable(self) -> str | None:
        """Says why graphs cannot be lowered on this machine; None if they can."""
        ...

    def cannot_run(self) -> str | None:
        """Says why lowered graphs cannot be run on this machine; None if they can."""
        ...

    def tool_versions(self) -> dict[str, str]:
        """Returns the installed versions of the packages that lower and run graphs, by package."""
        ...

    def lower(
        self,
        program: ExportedProgram,
        contract: GraphContract,
        recipe: Recipe,
        path: Path,
        metadata: Mapping[str, str] = NO_METADATA,
    ) -> Artifact:
        """Converts a captured graph and writes it.

        Args:
            program: The float32 graph from `rapsam.graph.capture.capture`, batch 1. It is not changed.
            contract: Names, shapes and meanings of inputs and outputs.
            recipe: Precision and deployment target.
            path: Where to write, with this backend's suffix; must not exist. The caller owns the
                folder and makes the whole of it atomic.
            metadata: Entries to keep inside the artifact, in formats that have a place for them (ONNX
                and Core ML). The others leave it to the bundle's manifest.

        Returns:
            The artifact that was written.

        Raises:
            UnavailableError: If `unavailable` gives a reason.
            InputError: If `path` exists.
            ExportError: If the converter refuses the graph.
        """
        ...

    def load(self, path: Path, contract: GraphContract, threads: int = 1) -> Runner:
        """Loads a lowered graph for running here.

        Args:
            path: What `lower` wrote.
            contract: The contract that it was lowered with.
            threads: CPU threads that the runtime may use, 1 or more. ExecuTorch has one pool for the
                whole process, so its latest `load` decides. Core ML chooses for itself.

        Raises:
            UnavailableError: If `cannot_run` gives a reason.
            BundleError: If the runtime refuses the file, or it holds another graph.
        """
        ...
