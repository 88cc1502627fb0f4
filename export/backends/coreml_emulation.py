"""Executes a saved Core ML package in PyTorch, operator by operator.

It proves that the package holds the right program with the right weights, where no Mac is at hand. It is
not Apple's runtime: it rounds the result of every float16 operator to float16 and computes inside of it
in float32, while the Neural Engine has arithmetic of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.backends.base import Arrays
from rapsam.export.backends.coreml_convert import is_image
from rapsam.export.backends.coreml_package import check_package
from rapsam.export.backends.guard import loading
from rapsam.export.backends.packages import missing_package, refuse_if
from rapsam.export.backends.tensors import named_outputs, ordered_inputs

if TYPE_CHECKING:
    from torch import Tensor


def cannot_run() -> str | None:
    """Says why packages cannot be emulated here; None if they can."""
    return missing_package("coreml", ("coremltools",))


def load(path: Path, contract: GraphContract, threads: int = 1) -> EmulatedCoremlRunner:  # noqa: ARG001
    """Reads a package for emulation, on the threads that PyTorch has; see `Backend.load`.

    Raises:
        UnavailableError: If `cannot_run` gives a reason.
        BundleError: If the package cannot be read, or holds another graph or an unknown operator.
    """
    refuse_if(cannot_run())
    with loading("Core ML emulation", path):
        check_package(path, contract)
        function = _main_function(path)
        _check_operators(function, path)
    return EmulatedCoremlRunner(function, contract)


class EmulatedCoremlRunner:
    """The main function of an ML program."""

    def __init__(self, function: Any, contract: GraphContract) -> None:  # noqa: ANN401 - untyped package
        self._function = function
        self._contract = contract

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`. Image inputs are rounded to 8 bits, as in Core ML."""
        import torch

        pairs = zip(self._contract.inputs, ordered_inputs(self._contract, inputs), strict=True)
        arrays = {s.name: np.clip(np.rint(a), 0, 255) if is_image(s) else a for s, a in pairs}
        values = {name: torch.from_numpy(array) for name, array in arrays.items()}
        with torch.inference_mode():
            for operation in self._function.operations:
                if operation.op_type != "const":
                    values.update(_results(operation, values))
        return named_outputs(self._contract, [values[spec.name].numpy() for spec in self._contract.outputs])


def _main_function(path: Path) -> Any:  # noqa: ANN401 - untyped package
    import coremltools
    from coremltools.converters.mil.frontend.milproto.load import load as load_program

    spec = coremltools.models.utils.load_spec(str(path))
    weights = next(path.glob("Data/*/weights"))
    return load_program(spec, spec.specificationVersion, str(weights)).functions["main"]


def _check_operators(function: Any, path: Path) -> None:  # noqa: ANN401 - untyped package
    from rapsam.export.backends.mil_operators import OPERATORS

    unknown = {operation.op_type for operation in function.operations} - set(OPERATORS) - {"const"}
    if unknown:
        raise BundleError(f"{path} has operators that the emulation does not know: {sorted(unknown)}")


def _results(operation: Any, values: Mapping[str, Tensor]) -> dict[str, Tensor]:  # noqa: ANN401
    from rapsam.export.backends.mil_operators import OPERATORS

    inputs = {
        name: [_value(each, values) for each in source]
        if isinstance(source, list | tuple)
        else _value(source, values)
        for name, source in operation.inputs.items()
        if source is not None
    }
    made = OPERATORS[operation.op_type](**inputs)
    outputs = made if isinstance(made, tuple) else (made,)
    pairs = zip(operation.outputs, outputs, strict=True)
    return {variable.name: _typed(value, variable) for variable, value in pairs}


def _value(variable: Any, values: Mapping[str, Tensor]) -> Tensor | str:  # noqa: ANN401 - untyped package
    import torch

    if variable.val is None:
        return values[variable.name]
    if isinstance(variable.val, str):
        return variable.val
    array = np.asarray(variable.val)
    return torch.from_numpy(array.astype(np.float32) if array.dtype == np.float16 else array.copy())


def _typed(value: Tensor, variable: Any) -> Tensor:  # noqa: ANN401 - untyped package
    import torch
    from coremltools.converters.mil.mil import types

    name = types.builtin_to_string(variable.dtype)
    if name == "fp16":
        return value.half().float()
    kinds = {"fp32": torch.float32, "bool": torch.bool}
    return value.to(kinds.get(name, torch.int32))
