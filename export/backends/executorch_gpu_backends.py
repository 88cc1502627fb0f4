"""ExecuTorch with delegates of phones: lowered on any machine, run on the phone alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapsam.contract import GraphContract
from rapsam.export.backends.executorch_backend import ExecutorchBackend
from rapsam.export.backends.packages import installed_versions, missing_package
from rapsam.export.recipes import Recipe

if TYPE_CHECKING:
    from executorch.exir.backend.partitioner import Partitioner
    from torch.export import ExportedProgram


class ExecutorchVulkanBackend(ExecutorchBackend):
    """The ExecuTorch format with the Vulkan delegate, for the GPUs of Android phones."""

    name = "executorch-vulkan"
    delegate = "Vulkan"

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return "ExecuTorch's Python runtime has no Vulkan delegate; run it on an Android phone"

    def form(self, program: ExportedProgram, contract: GraphContract, recipe: Recipe) -> ExportedProgram:  # noqa: ARG002
        """Leaves the graph as it is; see `ExecutorchBackend.form`."""
        return program

    def partitioner(self, recipe: Recipe) -> Partitioner:
        """See `ExecutorchBackend.partitioner`. With fp16 the delegate computes in 16 bits."""
        from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

        return VulkanPartitioner({"force_fp16": recipe.precision == "fp16"})


class ExecutorchCoremlBackend(ExecutorchBackend):
    """The ExecuTorch format with the Core ML delegate, for iPhones."""

    name = "executorch-coreml"
    delegate = "Core ML"

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        return super().unavailable() or missing_package("coreml", ("coremltools",))

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return "ExecuTorch's Core ML delegate runs in apps; run it on an iPhone"

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return super().tool_versions() | installed_versions(("coremltools",))

    def form(self, program: ExportedProgram, contract: GraphContract, recipe: Recipe) -> ExportedProgram:  # noqa: ARG002
        """Leaves the graph as it is; see `ExecutorchBackend.form`."""
        return program

    def partitioner(self, recipe: Recipe) -> Partitioner:
        """See `ExecutorchBackend.partitioner`."""
        import coremltools
        from executorch.backends.apple.coreml.compiler import CoreMLBackend
        from executorch.backends.apple.coreml.partition import CoreMLPartitioner

        precisions = {"fp16": coremltools.precision.FLOAT16, "fp32": coremltools.precision.FLOAT32}
        assert recipe.deployment_target is not None
        specs = CoreMLBackend.generate_compile_specs(
            minimum_deployment_target=coremltools.target[recipe.deployment_target],
            compute_precision=precisions[recipe.precision],
        )
        return CoreMLPartitioner(compile_specs=specs)
