"""What a bare ONNX file takes and returns; sides that it leaves open are closed by what the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import BundleError, InputError, printable, quoted, shortened, unknown_name
from rapsam.export.backends.file_tensors import GivenShapes, derived_contract, derived_spec
from rapsam.export.backends.tensors import Shapes

_ELEMENTS = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
# An image, for the example of an error.
_EXAMPLE = {4: (1, 3, 640, 640)}
_EXAMPLE_SIDE = 1
_SHOWN = 60


def session_contract(path: Path, session: Any, given: GivenShapes) -> GraphContract:  # noqa: ANN401 - untyped package
    """Derives the contract of a file that ONNX Runtime has loaded.

    Args:
        path: The file.
        session: Of it.
        given: Shapes of inputs; those of which the file leaves a side open need one.

    Raises:
        BundleError: If an input that is open is not given, is of no numbers, or is too large.
        InputError: If there is no such input, or the file fixes another shape.
    """
    nodes = {node.name: node for node in session.get_inputs()}
    for name in given:
        if name not in nodes:
            raise unknown_name(f"input of {path.name}", name, nodes)
    inputs = tuple(_input(path, node, given.get(name)) for name, node in nodes.items())
    outputs = {node.name: node.shape for node in session.get_outputs()}
    if any(map(_is_open, outputs.values())):
        # How large a result is only the graph can tell.
        zeros = {spec.name: np.zeros(spec.shape, spec.dtype) for spec in inputs}
        outputs = {name: value.shape for name, value in zip(outputs, session.run(None, zeros), strict=True)}
    return derived_contract(path, inputs, (derived_spec(path, *output) for output in outputs.items()))


def closed_shapes(found: Mapping[str, Sequence[object]], expected: Shapes) -> Shapes:
    """Returns the shapes that a file declares, a side that it leaves open being what the contract says.

    Args:
        found: By name, as ONNX Runtime tells them: a side that is open is a name, or None.
        expected: Of the contract.
    """
    return {name: _closed(shape, expected.get(name, ())) for name, shape in found.items()}


def _closed(shape: Sequence[object], expected: Sequence[int]) -> tuple[int, ...]:
    if len(shape) != len(expected):
        return tuple(side if isinstance(side, int) else -1 for side in shape)
    return tuple(
        side if isinstance(side, int) else fixed for side, fixed in zip(shape, expected, strict=True)
    )


def _input(path: Path, node: Any, given: Sequence[int] | None) -> TensorSpec:  # noqa: ANN401 - untyped package
    if node.type not in _ELEMENTS:
        raise BundleError(
            f"{path} takes {quoted(node.type)} as its input {quoted(node.name)}; expected a tensor of "
            "numbers: take another file"
        )
    if given is None and _is_open(node.shape):
        raise BundleError(
            f"{path} leaves sides of its input {_name(node)} open ({_told(node.shape)}); close them, as in "
            f"--shape {shortened(printable(node.name), _SHOWN)}={_told(_example(node.shape))}"
        )
    if given is not None and (len(given) != len(node.shape) or _closed(node.shape, given) != tuple(given)):
        raise InputError(
            f"--shape {shortened(printable(node.name), _SHOWN)}={_told(given)}; expected a shape that fits "
            f"{_told(node.shape)}, which {path.name} declares"
        )
    return derived_spec(path, node.name, node.shape if given is None else given, _ELEMENTS[node.type])


def _is_open(shape: Sequence[object]) -> bool:
    return not all(isinstance(side, int) for side in shape)


def _example(shape: Sequence[object]) -> list[int]:
    sides = _EXAMPLE.get(len(shape), (_EXAMPLE_SIDE,) * len(shape))
    return [side if isinstance(side, int) else fixed for side, fixed in zip(shape, sides, strict=True)]


def _name(node: Any) -> str:  # noqa: ANN401 - untyped package
    return quoted(shortened(printable(node.name), _SHOWN))


def _told(shape: Sequence[object]) -> str:
    sides = "x".join("?" if side is None else str(side) for side in shape)
    return shortened(printable(sides), _SHOWN)
