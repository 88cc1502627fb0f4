"""What is asked of a program before Core ML Tools loads it, because loading trusts what it reads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rapsam.errors import BundleError
from rapsam.export.backends.coreml.mil.constants import COMPRESSED
from rapsam.export.backends.coreml.mil.operators import OPERATORS

# The largest value of a network at 2048 x 2048 has a quarter of it.
MAX_ELEMENTS = 2**28
# Of SAM's ViT-H 0.6 of it; as float32, which is how they are computed with, 4 GiB.
MAX_WEIGHTS = 2**30


def check_program(spec: Any, path: Path) -> None:  # noqa: ANN401 - untyped package
    """Refuses programs that are not of the kind that this package exports.

    Args:
        spec: The `Model` message of a package.
        path: The package, for messages.

    Raises:
        BundleError: If there is an unknown operator, control flow, more than one function, a value of more
            than `MAX_ELEMENTS` elements, constants that together have more than `MAX_WEIGHTS`, or an operator
            that has constants only (Core ML Tools computes such ones while it loads, whatever their size).
    """
    total = 0
    for operation in _operations(spec, path):
        for output in operation.outputs:
            _check_size(_size(output.type), MAX_ELEMENTS, f"{output.name!r} of {path}")
        total += sum(_size(value.type) for value in _stored_values(operation))
    _check_size(total, MAX_WEIGHTS, f"the constants of {path}")


def check_weights(function: Any) -> None:  # noqa: ANN401 - untyped package
    """Refuses weights that would be too large together when decoded, whatever the program declares.

    Args:
        function: A function as Core ML Tools loads it.

    Raises:
        BundleError: If they have more than `MAX_WEIGHTS` elements.
    """
    found = [operation for operation in function.operations if operation.op_type in COMPRESSED]
    # Sides may be NumPy integers, which overflow.
    total = sum(math.prod(map(int, each.shape)) for operation in found for each in operation.outputs)
    _check_size(total, MAX_WEIGHTS, "the compressed weights")


def _check_size(size: int, most: int, what: str) -> None:
    if size > most:
        raise BundleError(f"{what}: {size} elements; at most {most} expected")


def _size(kind: Any) -> int:  # noqa: ANN401 - untyped package
    return math.prod(dimension.constant.size for dimension in kind.tensorType.dimensions)


def _stored_values(operation: Any) -> list[Any]:  # noqa: ANN401 - untyped package
    """What stands in the program itself or in its file of weights."""
    arguments = [each for inputs in operation.inputs.values() for each in inputs.arguments]
    written = [each.value for each in arguments if each.WhichOneof("binding") == "value"]
    return [*operation.attributes.values(), *written]


def _operations(spec: Any, path: Path) -> list[Any]:  # noqa: ANN401 - untyped package
    functions = spec.mlProgram.functions
    if list(functions) != ["main"] or len(functions["main"].block_specializations) != 1:
        raise BundleError(f"{path} has the functions {sorted(functions)}; one, 'main', expected")
    (block,) = functions["main"].block_specializations.values()
    operations = list(block.operations)
    known = {*OPERATORS, *COMPRESSED, "const"}
    unknown = sorted({operation.type for operation in operations} - known)
    if unknown:
        raise BundleError(f"{path} has operators that the emulation does not know: {unknown}")
    _refuse_computed_constants(operations, path)
    return operations


def _refuse_computed_constants(operations: list[Any], path: Path) -> None:
    constant: set[str] = set()
    for operation in operations:
        arguments = [each for inputs in operation.inputs.values() for each in inputs.arguments]
        named = {each.name for each in arguments if each.WhichOneof("binding") == "name"}
        if operation.type != "const" and operation.type not in COMPRESSED:
            if named <= constant:
                raise BundleError(f"{operation.type} of {path} has constants only: export again")
            continue
        constant.update(output.name for output in operation.outputs)
