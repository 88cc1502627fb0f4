"""ExecuTorch with delegates of phones: lowered on any machine, run on the phone alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapsam.contract import GraphContract
from rapsam.export.backends.base import Accelerator, TargetFacts
from rapsam.export.backends.executorch.backend import ExecutorchBackend
from rapsam.export.backends.packages import installed_versions, missing_package
from rapsam.export.backends.recipes import Recipe, float_recipes, float_recipes_by_ios
from rapsam.export.backends.refusals import FEW_BITS, NEVER_RUN

if TYPE_CHECKING:
    from executorch.exir.backend.partitioner import Partitioner
    from torch import Tensor
    from torch.export import ExportedProgram


class ExecutorchVulkanBackend(ExecutorchBackend):
    """The ExecuTorch format with the Vulkan delegate, for the GPUs of Android phones."""

    name = "executorch-vulkan"
    delegate = "Vulkan"
    runtime = "ExecuTorch, Vulkan"
    facts = TargetFacts(
        recipes=float_recipes("executorch-vulkan"),
        refused=dict.fromkeys(
            FEW_BITS, f"its delegate runs on phones only, and {NEVER_RUN}; take fp16, or target executorch"
        ),
        compute_units=("gpu",),
        accelerators=(Accelerator("Vulkan", ("gpu",)),),
    )

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return "ExecuTorch's Python runtime has no Vulkan delegate; run it on an Android phone"

    def form(self, program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
        """Leaves the operators as they are; see `ExecutorchBackend.form`."""
        return _copied(program, contract)

    def partitioner(self, recipe: Recipe) -> Partitioner:  # noqa: ARG002 - the graph says its precision
        """See `ExecutorchBackend.partitioner`."""
        from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

        return VulkanPartitioner()


class ExecutorchCoremlBackend(ExecutorchBackend):
    """The ExecuTorch format with the Core ML delegate, for iPhones."""

    name = "executorch-coreml"
    delegate = "Core ML"
    runtime = "ExecuTorch, Core ML"
    facts = TargetFacts(
        recipes=float_recipes_by_ios("executorch-coreml", (16, 17, 18)),
        default_precision="fp16",
        default_ios=17,
        platform="ios",
        refused=dict.fromkeys(
            FEW_BITS, f"its delegate runs in apps only, and {NEVER_RUN}; take fp16, or target coreml"
        ),
        compute_units=("all",),
        accelerators=(Accelerator("Neural Engine", ("all", "cpuAndNeuralEngine")),),
    )

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        return super().unavailable() or missing_package("coreml", ("coremltools",))

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return "ExecuTorch's Core ML delegate runs in apps; run it on an iPhone"

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return super().tool_versions() | installed_versions(("coremltools",))

    def form(self, program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
        """Spares Core ML Tools the operators that it makes float32, whatever the graph says.

        See `ExecutorchBackend.form`. It converts no transposed convolution of such a result, no convolution
        either, and makes the weights of a linear layer float32 too.
        """
        import torch

        aten = torch.ops.aten
        spared = {
            aten.rsub.Scalar: _number_minus,
            aten.clamp_min.default: _at_least,
            aten.div.Tensor: _quotient,
            aten.pad.default: _padded,
        }
        form: ExportedProgram = _copied(program, contract).run_decompositions(spared)
        return form

    def partitioner(self, recipe: Recipe) -> Partitioner:
        """See `ExecutorchBackend.partitioner`."""
        import coremltools
        from executorch.backends.apple.coreml.compiler import CoreMLBackend
        from executorch.backends.apple.coreml.partition import CoreMLPartitioner

        assert recipe.deployment_target is not None
        specs = CoreMLBackend.generate_compile_specs(
            minimum_deployment_target=coremltools.target[recipe.deployment_target],
            compute_precision=coremltools.precision.FLOAT32,  # no lower than the graph says
        )
        return CoreMLPartitioner(compile_specs=specs)


def _copied(program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
    """Makes a program of the same graph and weights: ExecuTorch empties the one that it lowers."""
    from rapsam.graph.capture import trace

    return trace(program.module(check_guards=False), contract)


def _number_minus(x: Tensor, number: float, alpha: float = 1) -> Tensor:
    return -x + number if alpha == 1 else NotImplemented


def _at_least(x: Tensor, number: float) -> Tensor:
    import torch

    return torch.maximum(x, torch.full((), number, dtype=x.dtype))


def _quotient(x: Tensor, y: Tensor) -> Tensor:
    import torch

    if x.dtype is not torch.float16:
        return NotImplemented  # type: ignore[no-any-return]
    return (x.float() / y.float()).half()


def _padded(x: Tensor, pad: list[int], mode: str = "constant", value: float | None = None) -> Tensor:
    import torch

    if x.dtype is not torch.float16:
        return NotImplemented  # type: ignore[no-any-return]
    return torch.nn.functional.pad(x.float(), pad, mode, value).half()
