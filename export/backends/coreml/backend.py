"""Core ML: an ML program in a package, run by Core ML itself, which exists on macOS only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import ExportError
from rapsam.export.backends.base import NO_METADATA, Accelerator, Artifact, TargetFacts
from rapsam.export.backends.coreml import emulation
from rapsam.export.backends.coreml.convert import converted, decomposed, is_image
from rapsam.export.backends.coreml.package import main_function, read_program, save_package
from rapsam.export.backends.coreml.placement import module_names, placement
from rapsam.export.backends.guard import converting, loading, refusing
from rapsam.export.backends.packages import installed_versions, missing_package, refuse_if
from rapsam.export.backends.recipes import (
    P4_GATES,
    P6_GATES,
    W8_GATES,
    W8A8_GATES,
    Recipe,
    float_recipes_by_ios,
    quantised_recipe,
)
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tensors import describe, named_inputs, named_outputs
from rapsam.inference.runner import Arrays
from rapsam.quantize.scheme import POSITION_STAYS, Quantisation

if TYPE_CHECKING:
    from PIL import Image
    from torch.export import ExportedProgram

    from rapsam.quantize.policy import Modules


VERSIONS = (16, 17, 18)
# The operators and the symmetric ranges of Core ML Tools' own quantiser of activations, which needs a Mac.
_INTEGERS = Quantisation(
    activation_bits=8,
    symmetric=True,
    kinds=("convolution", "linear", "sum", "rectifier", "maximum"),
    float_outputs=("linear",),
    stays_float=(POSITION_STAYS,),
)
_WEIGHTS = Quantisation(stage="file", stays_float=(POSITION_STAYS,))
_PALETTE = msgspec.structs.replace(_WEIGHTS, weight_bits=6, palette=True, compensated=True)
# Precision, its scheme, its gates, and the first version of iOS that knows it.
_FEW_BITS = (
    ("w8", _WEIGHTS, W8_GATES, 16),
    ("p6", _PALETTE, P6_GATES, 16),
    ("p4", msgspec.structs.replace(_PALETTE, weight_bits=4, group=16), P4_GATES, 18),
    ("w8a8", _INTEGERS, W8A8_GATES, 17),
)


class CoremlBackend:
    """The Core ML format."""

    name = "coreml"
    suffix = ".mlpackage"
    # Core ML's sampler runs on the CPU only.
    facts = TargetFacts(
        recipes=(
            *float_recipes_by_ios("coreml", VERSIONS),
            *(
                quantised_recipe("coreml", precision, scheme, gates, ios=ios, arithmetic="fp16")
                for precision, scheme, gates, first in _FEW_BITS
                for ios in VERSIONS
                if ios >= first
            ),
        ),
        refused={
            "w8a16": "Core ML has no 16-bit integers between operators; take w8a8",
            "w4": "a scale per 32 channels costs prompts more than p4, which is as small; take p4",
            "p8": "a palette of 256 values is no smaller than w8, and changes masks that w8 keeps; take w8",
            "w8da8": "Core ML finds no scales while it runs; take w8",
        },
        default_precision="fp16",
        default_ios=17,
        platform="ios",
        compute_units=("all", "cpuAndNeuralEngine", "cpuAndGPU", "cpuOnly"),
        accelerators=(Accelerator("Neural Engine", ("all", "cpuAndNeuralEngine")),),
    )

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """See `Backend.runtimes`."""
        return (
            Runtime("Core ML", self.cannot_run, self.load, packages=("coremltools",)),
            Runtime("Core ML, emulated", emulation.cannot_run, emulation.load, "emulated"),
        )

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        return missing_package("coreml", ("coremltools",))

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        if sys.platform != "darwin":
            return "Core ML runs on macOS only; run this on a Mac, or verify another format here"
        return self.unavailable()

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return installed_versions(("torch", "coremltools"))

    def lower(
        self,
        program: ExportedProgram,
        contract: GraphContract,
        recipe: Recipe,
        path: Path,
        metadata: Mapping[str, str] = NO_METADATA,
    ) -> Artifact:
        """See `Backend.lower`.

        fp16 means 16-bit weights and arithmetic, float32 borders; sine and cosine with all that they are
        computed from stay float32. The entries "author", "license", "version" and "short_description"
        of `metadata` go where Xcode shows them, all others become user-defined entries.

        The artifact's delegation is an estimate of what the Neural Engine can take, see `placement`.
        """
        refuse_if(self.unavailable())
        target = recipe.deployment_target
        if target is None:
            raise ExportError(f"recipe {recipe.name!r} has no deployment target; choose one such as iOS17")
        with converting("Core ML Tools", contract.graph, path):
            graph = decomposed(program)
            model = converted(graph, contract, target, recipe.precision)
            save_package(model, contract, metadata, path)
            function = main_function(path, read_program(path, contract))
            delegation = placement(function, contract, module_names(graph))
        artifact = describe(path, recipe, target, self.tool_versions())
        return msgspec.structs.replace(artifact, delegation=delegation)

    def quantise_file(
        self,
        artifact: Artifact,
        contract: GraphContract,
        recipe: Recipe,
        modules: Modules,
        samples: Iterable[Arrays],  # noqa: ARG002 - weights need none
    ) -> Artifact:
        """See `QuantisesFiles.quantise_file`."""
        from rapsam.export.backends.coreml.quantisation import compress_package

        assert recipe.quantisation is not None
        with refusing("Core ML Tools", contract.graph):
            compress_package(artifact.path, contract, recipe.quantisation, modules)
        described = describe(artifact.path, recipe, artifact.minimum_runtime, self.tool_versions())
        return msgspec.structs.replace(described, delegation=artifact.delegation)

    def load(self, path: Path, contract: GraphContract, threads: int = 1) -> CoremlRunner:  # noqa: ARG002
        """See `Backend.load`. Core ML chooses compute units and threads."""
        refuse_if(self.cannot_run())
        with loading("Core ML", path):
            import coremltools

            read_program(path, contract)
            model = coremltools.models.MLModel(str(path))
        return CoremlRunner(model, contract)


class CoremlRunner:
    """A model that Core ML has compiled. Untested where this was written: there was no Mac."""

    def __init__(self, model: Any, contract: GraphContract) -> None:  # noqa: ANN401 - untyped package
        self._model = model
        self._contract = contract

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`. Image inputs are rounded to 8 bits, as the app's own are."""
        arrays = named_inputs(self._contract, inputs)
        images = {spec.name: to_image(arrays[spec.name]) for spec in self._contract.inputs if is_image(spec)}
        fed = {**arrays, **images}
        values = self._model.predict(fed)
        return named_outputs(self._contract, [values[spec.name] for spec in self._contract.outputs])


def to_image(array: npt.NDArray[np.float32]) -> Image.Image:
    """Makes the picture that Core ML wants from pixels (1, 3, H, W), 0..255."""
    from PIL import Image

    pixels = np.clip(np.rint(array[0].transpose(1, 2, 0)), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)
