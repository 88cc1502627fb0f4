"""The constants of a program, compressed weights decoded."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rapsam.errors import BundleError

COMPRESSED = (
    "constexpr_affine_dequantize",
    "constexpr_blockwise_shift_scale",
    "constexpr_cast",
    "constexpr_lut_to_dense",
    "constexpr_lut_to_sparse",
    "constexpr_sparse_blockwise_shift_scale",
    "constexpr_sparse_to_dense",
)
Constants = dict[str, Any]


def constants_of(function: Any) -> Constants:  # noqa: ANN401 - untyped package
    """Returns the constants of a function of a loaded program by name: NumPy values and strings.

    An operator that decodes may read what an earlier one has decoded, as a palette that is quantised itself.
    """
    values: Constants = {}
    for operation in function.operations:
        if operation.op_type == "const":
            values[operation.outputs[0].name] = operation.outputs[0].val
        elif operation.op_type in COMPRESSED:
            made = _decoded(operation, values)
            results = made if isinstance(made, tuple) else (made,)
            pairs = zip(operation.outputs, results, strict=True)
            values.update({variable.name: _shaped(result, variable) for variable, result in pairs})
    return values


def as_tensor(value: Any) -> Tensor:  # noqa: ANN401 - NumPy values of many types
    """Returns a constant as a tensor: floats as float32, all integers as int32, booleans as such."""
    array = np.asarray(value)
    kinds = {"f": np.float32, "i": np.int32, "u": np.int32, "b": np.bool_}
    return torch.from_numpy(np.array(array, dtype=kinds[array.dtype.kind]))


def _decoded(operation: Any, values: Constants) -> Any:  # noqa: ANN401 - untyped package
    inputs: dict[str, Any] = {
        name: None if variable is None else values[variable.name]
        for name, variable in operation.inputs.items()
    }
    if operation.op_type == "constexpr_cast":
        return inputs["source_val"].astype(np.float32)
    parameters = inspect.signature(operation.decompress).parameters
    return operation.decompress(**{name: inputs.get(name) for name in parameters})


def _shaped(array: Any, variable: Any) -> Any:  # noqa: ANN401 - untyped package
    if array.shape != tuple(variable.shape):
        raise BundleError(
            f"the compressed weight {variable.name!r} decodes to {list(array.shape)}; "
            f"its program declares {list(variable.shape)}: export again"
        )
    return array
