"""What the file of a graph says of its tensors, as a contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import BundleError, printable, quoted, shortened

GivenShapes = Mapping[str, tuple[int, ...]]
"""Name of an input to the shape that the user gives it."""
GRAPH = "graph"
"""Name of the only graph of a file."""
MAX_TENSORS = 64
MAX_ELEMENTS = 1 << 28
_NAME = 80


def derived_contract(
    path: Path, inputs: Iterable[TensorSpec], outputs: Iterable[TensorSpec]
) -> GraphContract:
    """Makes the contract of a file of what it says of its tensors.

    Raises:
        BundleError: If there are none, or too many to be a network.
    """
    contract = GraphContract(graph=GRAPH, inputs=tuple(inputs), outputs=tuple(outputs))
    count = len(contract.inputs) + len(contract.outputs)
    if not contract.inputs or not contract.outputs or count > MAX_TENSORS:
        raise BundleError(
            f"{path} has {len(contract.inputs)} inputs and {len(contract.outputs)} outputs; expected at "
            f"least one of each, {MAX_TENSORS} at most together: take another file"
        )
    return contract


def derived_spec(path: Path, name: str, shape: Iterable[object], dtype: str = "float32") -> TensorSpec:
    """Describes a tensor of a file as far as the file does.

    Raises:
        BundleError: If its shape is not static, or too large.
    """
    shown = quoted(shortened(printable(name), _NAME))
    sides, size = [], 1
    for side in shape:
        if not isinstance(side, int) or side < 1:
            raise BundleError(
                f"{path} gives the tensor {shown} the side {quoted(side)}; expected whole numbers: "
                "export the file with a fixed size"
            )
        sides.append(side)
        size *= side
    if size > MAX_ELEMENTS:
        raise BundleError(
            f"{path} has the tensor {shown} of {size:,} elements; expected at most {MAX_ELEMENTS:,}"
        )
    return TensorSpec(
        name=name,
        shape=tuple(sides),
        dtype=dtype,
        layout="D" * len(sides),
        value_range=None,
        meaning="not known: the contract was derived from the file",
    )
