"""ONNX: made by PyTorch's exporter, simplified, run by ONNX Runtime on the CPU."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import ExportError
from rapsam.export.backends.base import NO_METADATA, Artifact, TargetFacts
from rapsam.export.backends.file_graph import FileGraph
from rapsam.export.backends.file_tensors import GivenShapes
from rapsam.export.backends.guard import converting, loading
from rapsam.export.backends.onnx.file_shapes import closed_shapes, session_contract
from rapsam.export.backends.packages import installed_versions, missing_package, refuse_if
from rapsam.export.backends.recipes import W8_GATES, W8A8_GATES, Recipe, float_recipes, quantised_recipe
from rapsam.export.backends.refusals import COARSE_4_BITS, LINEAR_ONLY, NO_PALETTES, PALETTES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tensors import (
    check_signature,
    describe,
    input_shapes,
    named_inputs,
    named_outputs,
    output_shapes,
)
from rapsam.files import write_atomic
from rapsam.inference.runner import Arrays
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.quantize.scheme import (
    ATTENTION_STAYS,
    KINDS,
    POSITION_STAYS,
    STEM_STAYS,
    Quantisation,
)

if TYPE_CHECKING:
    from torch.export import ExportedProgram

RUNTIME = "ONNX Runtime"
PACKAGES = ("onnxruntime",)
CPU_PROVIDER = "CPUExecutionProvider"
OTHER_PROVIDERS = {
    "CUDAExecutionProvider": "CUDA",
    "CoreMLExecutionProvider": "Core ML",
    "DmlExecutionProvider": "DirectML",
    "OpenVINOExecutionProvider": "OpenVINO",
    "XnnpackExecutionProvider": "XNNPACK",
}
"""Those that compute on this machine, with the names that reports have for them."""
OPSET = 18
# The first that has GELU as one operator. Spelled out, as PyTorch does for older ones, ONNX Runtime neither
# fuses it nor leaves the convolutions around it in their own layout.
OPSET_GELU = 20
# The first that knows 16-bit activations.
OPSET_16_BITS = 21
# Simplifying may change roundings, and a rounding may flip a pixel of a hard mask and move a query. A wrong
# graph is off by far more; how equal the right one is, parity measures.
MIN_COSINE = 0.98
# Opset to the first ONNX Runtime that knows it.
MINIMUM_RUNTIMES = {
    OPSET: "onnxruntime 1.14.0",
    OPSET_GELU: "onnxruntime 1.17.0",
    OPSET_16_BITS: "onnxruntime 1.18.0",
}

# ONNX Runtime has integer kernels for all kinds but the transposed convolution, and products that take
# integers and return floats.
_KINDS = tuple(
    kind for kind in dict.fromkeys(KINDS.values()) if kind not in ("transposed convolution", "rearrangement")
)
_WEIGHTS = Quantisation(stays_float=(POSITION_STAYS,))
_WIDE_INTEGERS = Quantisation(
    activation_bits=16,
    kinds=_KINDS,
    float_outputs=("linear", "product"),
    stays_float=(POSITION_STAYS, ATTENTION_STAYS),
)
_INTEGERS = msgspec.structs.replace(
    _WIDE_INTEGERS,
    activation_bits=8,
    signed=False,
    kinds=(*_KINDS, "rearrangement"),
    shuffled=True,
    integer_biases=True,
    stays_float=(POSITION_STAYS, ATTENTION_STAYS, STEM_STAYS),
)


class OnnxBackend:
    """The ONNX format."""

    name = "onnx"
    suffix = ".onnx"
    # ONNX Runtime's sampler is quicker than its gather.
    facts = TargetFacts(
        recipes=(
            *float_recipes("onnx", sampling="grid"),
            quantised_recipe("onnx", "w8", _WEIGHTS, W8_GATES, sampling="grid"),
            quantised_recipe("onnx", "w8a8", _INTEGERS, W8A8_GATES, sampling="grid", otherwise="w8"),
            # Slow on processors; what takes 16 bits is the phone's NPU, which cannot be asked here.
            quantised_recipe("onnx", "w8a16", _WIDE_INTEGERS, W8_GATES, sampling="grid"),
        ),
        refused={
            "w4": COARSE_4_BITS,
            "w8da8": LINEAR_ONLY,
            **dict.fromkeys(PALETTES, NO_PALETTES),
        },
        # Of a protobuf message: weights in a second file would be a file that apps forget.
        most_bytes=2 << 30,
    )

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """See `Backend.runtimes`."""
        return (Runtime(RUNTIME, self.cannot_run, self.load, packages=PACKAGES, others=self._on_other_units),)

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        return missing_package("onnx", ("onnx", "onnxscript", "onnxsim", "onnxruntime"))

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return missing_package("onnx", ("onnxruntime",))

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return installed_versions(("torch", "onnx", "onnxscript", "onnxsim", "onnxruntime"))

    def lower(
        self,
        program: ExportedProgram,
        contract: GraphContract,
        recipe: Recipe,
        path: Path,
        metadata: Mapping[str, str] = NO_METADATA,
    ) -> Artifact:
        """See `Backend.lower`. fp16 means 16-bit weights and arithmetic between float32 borders."""
        refuse_if(self.unavailable())
        with converting("ONNX", contract.graph, path):
            import onnx

            from rapsam.export.backends.onnx.held_roundings import hold_roundings
            from rapsam.export.backends.onnx.small_weights import fold_at_start

            opset = _opset(program, recipe)
            exported = _export(program, contract, recipe, opset)
            if recipe.quantisation is None:
                model = _simplify(exported, contract)
            else:  # simplified, integers that are constant would become floats
                model = exported
                fold_at_start(model)
                hold_roundings(model)
                onnx.checker.check_model(model, full_check=True)
            _describe_model(model, contract, metadata)
            write_atomic(path, model.SerializeToString(deterministic=True))
        return describe(path, recipe, MINIMUM_RUNTIMES[opset], self.tool_versions())

    def load(self, path: Path, contract: GraphContract, threads: int = 1) -> OnnxRunner:
        """See `Backend.load`."""
        return self.load_on(CPU_PROVIDER, path, contract, threads)

    def load_on(self, provider: str, path: Path, contract: GraphContract, threads: int) -> OnnxRunner:
        """Loads a graph for one of ONNX Runtime's providers; what that does not take, the CPU does.

        Args:
            provider: ONNX Runtime's name of it. Where it cannot be had, ONNX Runtime takes the CPU alone, and
                `OnnxRunner.units` says so.
            path: See `Backend.load`.
            contract: See there.
            threads: See there.

        Raises:
            UnavailableError: See there.
            BundleError: See there.
        """
        refuse_if(self.cannot_run())
        with loading(RUNTIME, path):
            session = _session(path, threads, provider)
        inputs = closed_shapes(
            {node.name: node.shape for node in session.get_inputs()}, input_shapes(contract)
        )
        outputs = closed_shapes(
            {node.name: node.shape for node in session.get_outputs()}, output_shapes(contract)
        )
        check_signature(contract, path, inputs, outputs)
        return OnnxRunner(session, contract)

    def file_contract(self, path: Path) -> GraphContract:
        """See `ReadsFiles.file_contract`."""
        return self.shaped_contract(path, {})

    def shaped_contract(self, path: Path, shapes: GivenShapes) -> GraphContract:
        """See `TakesShapes.shaped_contract`."""
        refuse_if(self.cannot_run())
        with loading(RUNTIME, path):
            return session_contract(path, _session(path, threads=1), shapes)

    def file_graph(self, path: Path) -> FileGraph:
        """See `ReadsGraphs.file_graph`."""
        refuse_if(missing_package("onnx", ("onnx",)))
        with loading("ONNX", path):
            from rapsam.export.backends.onnx.file_graph import onnx_file_graph

            return onnx_file_graph(path)

    def _on_other_units(self) -> tuple[Runtime, ...]:
        import onnxruntime

        return tuple(
            Runtime(
                f"{RUNTIME}, {OTHER_PROVIDERS[provider]}",
                self.cannot_run,
                functools.partial(self.load_on, provider),
                packages=PACKAGES,
            )
            for provider in onnxruntime.get_available_providers()
            if provider in OTHER_PROVIDERS
        )


class OnnxRunner:
    """A graph in an ONNX Runtime session."""

    def __init__(self, session: Any, contract: GraphContract) -> None:  # noqa: ANN401 - untyped package
        self._session = session
        self._contract = contract
        self._outputs = [spec.name for spec in contract.outputs]

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`."""
        values = self._session.run(self._outputs, named_inputs(self._contract, inputs))
        return named_outputs(self._contract, values)

    def prepared(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Callable[[], object]:
        """See `PreparesCalls.prepared`."""
        return functools.partial(self._session.run, self._outputs, named_inputs(self._contract, inputs))

    def units(self) -> tuple[str, ...]:
        """See `ReportsUnits.units`: the providers of the session, the preferred one first."""
        return tuple(self._session.get_providers())


def _export(program: ExportedProgram, contract: GraphContract, recipe: Recipe, opset: int) -> Any:  # noqa: ANN401
    import torch
    from onnxscript import optimizer

    from rapsam.graph.half import half_precision

    if recipe.precision == "fp16":
        program = half_precision(program, contract)
    # optimize=False: onnxscript 0.7.2 merges two clips of one value into a node whose bounds it loses.
    # What remains of its optimiser is called here.
    exported = torch.onnx.export(
        program,
        (),
        input_names=[spec.name for spec in contract.inputs],
        output_names=[spec.name for spec in contract.outputs],
        opset_version=opset,
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    if exported is None:
        raise ExportError(f"PyTorch gives no ONNX model for graph {contract.graph!r}")
    optimizer.fold_constants(exported.model)
    optimizer.remove_unused_nodes(exported.model)
    return exported.model_proto


def _opset(program: ExportedProgram, recipe: Recipe) -> int:
    import torch

    if recipe.quantisation is not None and recipe.quantisation.activation_bits == 16:
        return OPSET_16_BITS
    calls = {node.target for node in program.graph.nodes}
    return OPSET_GELU if torch.ops.aten.gelu.default in calls else OPSET


def _simplify(model: Any, contract: GraphContract) -> Any:  # noqa: ANN401 - untyped package
    import onnx
    import onnxsim

    simplified, valid = onnxsim.simplify(model)
    if not valid:
        raise ExportError(f"onnxsim makes an invalid model of graph {contract.graph!r}")
    onnx.checker.check_model(simplified, full_check=True)
    before, after = _run_once(model, contract), _run_once(simplified, contract)
    for name in before:
        if not compare_tensors(after[name], before[name]).cosine >= MIN_COSINE:
            raise ExportError(f"onnxsim changes output {name!r} of graph {contract.graph!r}")
    return simplified


def _run_once(model: Any, contract: GraphContract) -> Arrays:  # noqa: ANN401 - untyped package
    return OnnxRunner(_session(model.SerializeToString(), threads=1), contract).run(contract.example_inputs())


def _session(model: bytes | Path, threads: int, provider: str = CPU_PROVIDER) -> Any:  # noqa: ANN401 - untyped package
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(
        model, options, providers=list(dict.fromkeys((provider, CPU_PROVIDER)))
    )


def _describe_model(model: Any, contract: GraphContract, metadata: Mapping[str, str]) -> None:  # noqa: ANN401
    model.graph.name = contract.graph
    for node, spec in zip(
        [*model.graph.input, *model.graph.output], [*contract.inputs, *contract.outputs], strict=True
    ):
        node.doc_string = spec.meaning
    del model.metadata_props[:]  # onnxsim's account of what it removed
    entries = {"contract": msgspec.json.encode(contract).decode(), **metadata}
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)
