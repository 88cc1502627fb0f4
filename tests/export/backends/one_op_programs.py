"""Programs of single operators: made with Core ML Tools' builder, saved, loaded again by the emulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends.coreml import emulation as coreml_emulation

Inputs = dict[str, np.ndarray]


class Case(NamedTuple):
    """One form of an operator.

    Attributes:
        build: Makes the operator from the builder, the inputs and NumPy's type for constants.
        expected: What it should compute, in PyTorch.
        inputs: Float32 inputs by name; shapes of up to rank 5.
        since: First version of iOS that has it.
    """

    build: Callable[..., Any]
    expected: Callable[..., Tensor]
    inputs: Inputs
    since: int = 16


def run_saved(cases: Mapping[str, Case], ios: int, precision: str, folder: Path) -> dict[str, np.ndarray]:
    """Puts all cases into one program, one output each, and gives what the saved package computes."""
    import coremltools
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import Function, Program, types

    target = coremltools.target[f"iOS{ios}"]
    names = {f"{case}__{name}": array for case, it in cases.items() for name, array in it.inputs.items()}
    half = precision == "fp16"

    def body(**given):
        if half:
            given = {name: Builder.cast(x=variable, dtype="fp16") for name, variable in given.items()}
        results = []
        for label, case in cases.items():
            inputs = {name: given[f"{label}__{name}"] for name in case.inputs}
            result = case.build(Builder, np.float16 if half else np.float32, **inputs)
            if result.dtype != types.fp32:
                result = Builder.cast(x=result, dtype="fp32")
            results.append(Builder.identity(x=result, name=label))
        return results

    placeholders = {name: Builder.placeholder(shape=array.shape) for name, array in names.items()}
    with Function(placeholders, opset_version=target) as function:
        function.set_outputs(body(**function.inputs))
    program = Program()
    program.add_function("main", function)
    model = coremltools.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=target,
        compute_precision=coremltools.precision.FLOAT32,
        pass_pipeline=coremltools.PassPipeline.EMPTY,
        skip_model_load=True,
    )
    path = folder / "operators.mlpackage"
    model.save(str(path))
    shapes = {name: tuple(case.expected(*tensors(case, half).values()).shape) for name, case in cases.items()}
    contract = GraphContract(
        graph="operators",
        inputs=tuple(_spec(name, array.shape) for name, array in names.items()),
        outputs=tuple(_spec(name, shape) for name, shape in shapes.items()),
    )
    return coreml_emulation.load(path, contract).run(names)


def tensors(case: Case, half: bool) -> dict[str, Tensor]:
    """The inputs of a case in PyTorch, rounded to float16 where the program rounds them."""
    values = {name: torch.from_numpy(array) for name, array in case.inputs.items()}
    return {name: value.half().float() if half else value for name, value in values.items()}


def _spec(name: str, shape: tuple[int, ...]) -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype="float32", layout="N", value_range=None, meaning="any")
