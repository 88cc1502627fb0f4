"""TFLite: made by LiteRT's converter for PyTorch, run by LiteRT, the successor of tflite-runtime."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.export.backends.base import NO_METADATA, Accelerator, Artifact, TargetFacts
from rapsam.export.backends.file_graph import FileGraph
from rapsam.export.backends.file_tensors import derived_contract, derived_spec
from rapsam.export.backends.guard import converting, loading, refusing
from rapsam.export.backends.packages import installed_versions, missing_package, refuse_if
from rapsam.export.backends.recipes import W8_GATES, W8A8_GATES, Recipe, float_recipes, quantised_recipe
from rapsam.export.backends.refusals import COARSE_4_BITS, LINEAR_ONLY, NO_PALETTES, PALETTES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tensors import check_signature, describe, named_inputs, named_outputs
from rapsam.files import write_atomic
from rapsam.inference.runner import Arrays
from rapsam.quantize.scheme import POSITION_STAYS, SAMPLING_STAYS, STEERING_STAYS, Quantisation

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from rapsam.quantize.policy import Modules

# Proven by running: the side environment of `runtime_214` executes what is made here.
MINIMUM_RUNTIME = "tflite-runtime 2.14.0"
DELEGATE = "DELEGATE"
"""What LiteRT calls an operator that a delegate has taken."""

_WEIGHTS = Quantisation(stage="file", stays_float=(POSITION_STAYS,))
# Linear layers with static ranges are wrong and slow in LiteRT 2.3.
_INTEGERS = Quantisation(
    stage="file",
    activation_bits=8,
    kinds=("convolution", "transposed convolution", "sum", "rectifier", "maximum", "enlargement"),
    stays_float=(POSITION_STAYS, SAMPLING_STAYS, STEERING_STAYS),
)


class TfliteBackend:
    """The TFLite format; images stay NCHW."""

    name = "tflite"
    suffix = ".tflite"
    # LiteRT has no sampler, and 16 bits are for weights only.
    facts = TargetFacts(
        recipes=(
            *float_recipes("tflite", arithmetic="fp32"),
            quantised_recipe("tflite", "w8", _WEIGHTS, W8_GATES),
            quantised_recipe("tflite", "w8a8", _INTEGERS, W8A8_GATES, otherwise="w8"),
        ),
        refused={
            "w8a16": "LiteRT computes 16-bit activations many times slower than float; take w8a8, or w8",
            "w4": COARSE_4_BITS,
            "w8da8": LINEAR_ONLY,
            **dict.fromkeys(PALETTES, NO_PALETTES),
        },
        compute_units=("cpu", "gpu", "nnapi"),
        accelerators=(
            Accelerator("LiteRT GPU", ("gpu",), always_half=True),
            Accelerator("NNAPI", ("nnapi",), platform="android"),
        ),
    )

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """See `Backend.runtimes`."""
        from rapsam.export.backends.tflite import runtime_214  # which is a program of its own, too

        return (
            Runtime("LiteRT", self.cannot_run, self.load, packages=("ai-edge-litert",)),
            Runtime(
                "tflite-runtime 2.14",
                runtime_214.cannot_run,
                runtime_214.load,
                pinned=runtime_214.PINNED,
                timed=False,
            ),
        )

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        packages = ("litert_torch", "litert_converter", "ai_edge_litert", "ai_edge_quantizer", "jax")
        return missing_package("tflite", packages)

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return missing_package("tflite", ("ai_edge_litert",))

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return installed_versions(
            ("torch", "litert-torch", "litert-converter", "ai-edge-litert", "ai-edge-quantizer", "jax")
        )

    def lower(
        self,
        program: ExportedProgram,
        contract: GraphContract,
        recipe: Recipe,
        path: Path,
        metadata: Mapping[str, str] = NO_METADATA,  # noqa: ARG002 - the format has no place for it
    ) -> Artifact:
        """See `Backend.lower`. fp16 means 16-bit weights; the arithmetic is the delegate's choice."""
        refuse_if(self.unavailable())
        with converting("LiteRT", contract.graph, path):
            from rapsam.export.backends.tflite.delegation import tflite_delegation

            content = _converted(program, contract)
            write_atomic(path, _with_half_weights(content) if recipe.precision == "fp16" else content)
            report = tflite_delegation(path, contract)
        artifact = describe(path, recipe, MINIMUM_RUNTIME, self.tool_versions())
        return msgspec.structs.replace(artifact, delegation=report)

    def quantise_file(
        self,
        artifact: Artifact,
        contract: GraphContract,
        recipe: Recipe,
        modules: Modules,
        samples: Iterable[Arrays],
    ) -> Artifact:
        """See `QuantisesFiles.quantise_file`."""
        from rapsam.export.backends.tflite.delegation import tflite_delegation
        from rapsam.export.backends.tflite.quantisation import quantised_tflite

        path, scheme = artifact.path, recipe.quantisation
        assert scheme is not None
        with refusing("LiteRT's quantiser", contract.graph):
            content = quantised_tflite(path, contract, scheme, modules, samples)
            write_atomic(path, content)
            report = tflite_delegation(path, contract)
        described = describe(path, recipe, MINIMUM_RUNTIME, self.tool_versions())
        return msgspec.structs.replace(described, delegation=report)

    def load(self, path: Path, contract: GraphContract, threads: int = 1) -> TfliteRunner:
        """See `Backend.load`."""
        refuse_if(self.cannot_run())
        with loading("LiteRT", path):
            interpreter, signature = _loaded(path, threads)
            nodes = [details["op_name"] for details in interpreter._get_ops_details()]
        inputs = {name: tuple(d["shape"]) for name, d in signature.get_input_details().items()}
        outputs = {name: tuple(d["shape"]) for name, d in signature.get_output_details().items()}
        check_signature(contract, path, inputs, outputs)
        return TfliteRunner(signature, contract, has_delegate=DELEGATE in nodes)

    def file_contract(self, path: Path) -> GraphContract:
        """See `ReadsFiles.file_contract`."""
        refuse_if(self.cannot_run())
        with loading("LiteRT", path):
            _, signature = _loaded(path, threads=1)
        inputs, outputs = signature.get_input_details(), signature.get_output_details()
        return derived_contract(
            path,
            (
                derived_spec(path, name, map(int, d["shape_signature"]), np.dtype(d["dtype"]).name)
                for name, d in inputs.items()
            ),
            (derived_spec(path, name, map(int, d["shape_signature"])) for name, d in outputs.items()),
        )

    def file_graph(self, path: Path) -> FileGraph:
        """See `ReadsGraphs.file_graph`."""
        refuse_if(self.cannot_run())
        with loading("LiteRT", path):
            from rapsam.export.backends.tflite.file_graph import tflite_file_graph

            return tflite_file_graph(path)


class TfliteRunner:
    """The signature of a loaded interpreter."""

    def __init__(self, signature: Any, contract: GraphContract, *, has_delegate: bool) -> None:  # noqa: ANN401
        self._signature = signature
        self._has_delegate = has_delegate
        self._contract = contract

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`."""
        values = self._signature(**named_inputs(self._contract, inputs))
        return named_outputs(self._contract, [values[spec.name] for spec in self._contract.outputs])

    def prepared(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Callable[[], object]:
        """See `PreparesCalls.prepared`."""
        return functools.partial(self._signature, **named_inputs(self._contract, inputs))

    def units(self) -> tuple[str, ...]:
        """See `ReportsUnits.units`: LiteRT lists what a delegate has replaced; on CPUs that is XNNPACK."""
        return ("XNNPACK", "CPU") if self._has_delegate else ("CPU",)


def _loaded(path: Path, threads: int) -> tuple[Any, Any]:
    """Returns an interpreter and the runner of its only signature."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter, interpreter.get_signature_runner()


def _converted(program: ExportedProgram, contract: GraphContract) -> bytes:
    import litert_torch

    from rapsam.export.backends.tflite.form import tflite_form
    from rapsam.graph.capture import example_tensors

    names = [spec.name for spec in contract.inputs]
    examples = dict(zip(names, example_tensors(contract), strict=True))
    model = litert_torch.convert(tflite_form(program, contract), sample_kwargs=examples)
    return bytes(model.model_content())


def _with_half_weights(content: bytes) -> bytes:
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.quantizer import Quantizer

    from rapsam.export.backends.tflite.weights import with_weights_inside

    half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    quantizer = Quantizer(content)
    quantizer.update_quantization_recipe(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=half, compute_precision=qtyping.ComputePrecision.FLOAT
        ),
        algorithm_key="float_casting",
    )
    return with_weights_inside(quantizer.quantize().quantized_model)
