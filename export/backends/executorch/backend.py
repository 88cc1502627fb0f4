"""ExecuTorch with the XNNPACK delegate, run by the Python bindings of its C++ runtime."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import BundleError
from rapsam.export.backends.base import NO_METADATA, Artifact, TargetFacts
from rapsam.export.backends.executorch.trial import fatal_signal
from rapsam.export.backends.file_tensors import derived_contract, derived_spec
from rapsam.export.backends.guard import converting, loading
from rapsam.export.backends.packages import installed_versions, missing_package, refuse_if
from rapsam.export.backends.recipes import W8_GATES, W8A8_GATES, Recipe, float_recipes, quantised_recipe
from rapsam.export.backends.refusals import PALETTES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tensors import Shapes, check_signature, describe, named_inputs, named_outputs
from rapsam.files import write_atomic
from rapsam.inference.runner import Arrays
from rapsam.quantize.scheme import POSITION_STAYS, SAMPLING_STAYS, STEERING_STAYS, Quantisation

if TYPE_CHECKING:
    from executorch.exir.backend.partitioner import Partitioner
    from torch import Tensor
    from torch.export import ExportedProgram

MINIMUM_RUNTIME = "executorch 1.4.1"
METHOD = "forward"
_ELEMENTS = {
    0: "uint8",
    1: "int8",
    2: "int16",
    3: "int32",
    4: "int64",
    5: "float16",
    6: "float32",
    11: "bool",
}

# XNNPACK returns integers from what computes in integers, unless scales are found at every run.
_INTEGERS = Quantisation(
    activation_bits=8,
    kinds=(
        "convolution",
        "transposed convolution",
        "linear",
        "sum",
        "rectifier",
        "maximum",
        "enlargement",
    ),
    small_weights=False,
    stays_float=(POSITION_STAYS, SAMPLING_STAYS, STEERING_STAYS),
)
_DYNAMIC = Quantisation(
    activation_bits=8,
    dynamic=True,
    kinds=("linear",),
    small_weights=False,
    float_outputs=("linear",),
    stays_float=(POSITION_STAYS, SAMPLING_STAYS),
)


class ExecutorchBackend:
    """The ExecuTorch format with the XNNPACK delegate.

    Attributes:
        delegate: Name of the delegate in reports.
        runtime: Name of the runtime in reports.
    """

    name = "executorch"
    suffix = ".pte"
    delegate = "XNNPACK"
    runtime = "ExecuTorch"
    # ExecuTorch's sampler is no quicker than its gather, and outside its delegates.
    facts = TargetFacts(
        recipes=(
            *float_recipes("executorch"),
            quantised_recipe("executorch", "w8da8", _DYNAMIC, W8_GATES),
            quantised_recipe("executorch", "w8a8", _INTEGERS, W8A8_GATES, otherwise="w8da8"),
        ),
        refused={
            "w8": "XNNPACK has no kernels that take 8-bit weights and float activations; take w8da8, whose "
            "activations are quantised at every run, without calibration",
            "w8a16": "XNNPACK has no kernels for 16-bit activations; take w8a8",
            "w4": "XNNPACK takes 4-bit weights in linear layers alone; take w8da8 or w8a8",
            **dict.fromkeys(PALETTES, "XNNPACK knows no palettes of weights; take w8da8 or w8a8"),
        },
    )

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """See `Backend.runtimes`."""
        return (Runtime(self.runtime, self.cannot_run, self.load, packages=("executorch",)),)

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        return missing_package("executorch", ("executorch", "torchao"))

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return missing_package("executorch", ("executorch",))

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return installed_versions(("torch", "executorch", "torchao"))

    def lower(
        self,
        program: ExportedProgram,
        contract: GraphContract,
        recipe: Recipe,
        path: Path,
        metadata: Mapping[str, str] = NO_METADATA,  # noqa: ARG002 - the format has no place for it
    ) -> Artifact:
        """See `Backend.lower`.

        fp16 means the arithmetic of `half_precision`, for all delegates. Weights have 16 bits too, except
        those of convolutions with XNNPACK: ExecuTorch 1.4.1 stores them as float32, whatever they are.
        """
        refuse_if(self.unavailable())
        with converting("ExecuTorch", contract.graph, path):
            from executorch.exir import to_edge_transform_and_lower

            from rapsam.export.backends.executorch.delegation import executorch_delegation
            from rapsam.graph.half import half_precision

            precise = half_precision(program, contract) if recipe.precision == "fp16" else program
            form = self.form(precise, contract)
            edge = to_edge_transform_and_lower(form, partitioner=[self.partitioner(recipe)])
            report = executorch_delegation(edge, self.delegate, contract)
            write_atomic(path, bytes(edge.to_executorch().buffer))
        artifact = describe(path, recipe, MINIMUM_RUNTIME, self.tool_versions())
        return msgspec.structs.replace(artifact, delegation=report)

    def form(self, program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
        """Writes a graph in the operators that the delegate wants."""
        from rapsam.export.backends.executorch.xnnpack_form import xnnpack_form

        return xnnpack_form(program, contract)

    def partitioner(self, recipe: Recipe) -> Partitioner:  # noqa: ARG002 - other delegates need it
        """Makes what hands parts of a graph to the delegate."""
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        return XnnpackPartitioner()

    def load(self, path: Path, contract: GraphContract, threads: int = 1) -> ExecutorchRunner:
        """See `Backend.load`. A program is first loaded in a fork: a damaged one can end the process."""
        refuse_if(self.cannot_run())
        with loading("ExecuTorch", path):
            from executorch.extension.pybindings import portable_lib
            from executorch.runtime import Runtime

            content = _safe_content(path)
            portable_lib._unsafe_reset_threadpool(threads)
            program = Runtime.get().load_program(content)
            meta = program.metadata(METHOD)
            inputs, outputs = _shapes(meta, contract)
            check_signature(contract, path, inputs, outputs)
            method = program.load_method(METHOD)
        return ExecutorchRunner(program, method, contract)

    def file_contract(self, path: Path) -> GraphContract:
        """See `ReadsFiles.file_contract`. The format keeps the order of tensors, not their names."""
        refuse_if(self.cannot_run())
        with loading("ExecuTorch", path):
            from executorch.runtime import Runtime

            program = Runtime.get().load_program(_safe_content(path))  # must outlive what it tells
            meta = program.metadata(METHOD)
            inputs = [meta.input_tensor_meta(k) for k in range(meta.num_inputs())]
            outputs = [meta.output_tensor_meta(k) for k in range(meta.num_outputs())]
        return derived_contract(
            path,
            (
                derived_spec(path, f"input {k}", map(int, tensor.sizes()), _element(path, tensor.dtype()))
                for k, tensor in enumerate(inputs)
            ),
            (derived_spec(path, f"output {k}", map(int, tensor.sizes())) for k, tensor in enumerate(outputs)),
        )


class ExecutorchRunner:
    """A loaded method."""

    def __init__(self, program: Any, method: Any, contract: GraphContract) -> None:  # noqa: ANN401
        self._program = program  # owns the memory that the method reads
        self._method = method
        self._contract = contract

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`."""
        values = self._method.execute(self._tensors(inputs))
        return named_outputs(self._contract, [value.numpy() for value in values])

    def prepared(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Callable[[], object]:
        """See `PreparesCalls.prepared`."""
        return functools.partial(self._method.execute, self._tensors(inputs))

    def _tensors(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[Tensor]:
        import torch

        return [torch.from_numpy(array) for array in named_inputs(self._contract, inputs).values()]


def _safe_content(path: Path) -> bytes:
    """Reads a program that has been loaded in a fork: a damaged one can end the process."""
    from executorch.runtime import Runtime

    content = path.read_bytes()
    ended_by = fatal_signal(lambda: Runtime.get().load_program(content).load_method(METHOD))
    if ended_by is not None:
        raise BundleError(f"ExecuTorch crashes with {path} ({ended_by}); export it again")
    return content


def _element(path: Path, code: int) -> str:
    """Returns the NumPy name of an element type of ExecuTorch."""
    if code not in _ELEMENTS:
        raise BundleError(f"{path} takes tensors of the element type {code}; expected numbers: take another")
    return _ELEMENTS[code]


def _shapes(meta: Any, contract: GraphContract) -> tuple[Shapes, Shapes]:  # noqa: ANN401
    """Returns the method's shapes under the contract's names: the format keeps order, not names."""
    inputs = [tuple(meta.input_tensor_meta(k).sizes()) for k in range(meta.num_inputs())]
    outputs = [tuple(meta.output_tensor_meta(k).sizes()) for k in range(meta.num_outputs())]
    return _named(contract.inputs, inputs), _named(contract.outputs, outputs)


def _named(specs: Sequence[TensorSpec], shapes: Sequence[tuple[int, ...]]) -> Shapes:
    names = [spec.name for spec in specs] + [f"tensor {k}" for k in range(len(specs), len(shapes))]
    return dict(zip(names, shapes, strict=False))
