"""What a format's files cannot hold, told before the work and not by a converter's traceback after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapsam.contract import GraphContract
from rapsam.errors import ExportError
from rapsam.export.backends import find_backend
from rapsam.export.backends.recipes import Recipe

if TYPE_CHECKING:
    from torch import nn

_FLOAT_BITS = {"fp32": 32, "fp16": 16}
_BITS_PER_BYTE = 8
_GIB = 1 << 30
_GRAPH_BYTES = 32 << 20
"""Of a file beside its weights, more than any graph of ours."""


def check_fits(module: nn.Module, contract: GraphContract, recipe: Recipe) -> None:
    """Raises `ExportError` if the weights of a graph alone are more than a file of its format can hold."""
    backend = find_backend(recipe.backend)
    most, needed = backend.facts.most_bytes, _weight_bytes(module, recipe)
    if most is not None and needed + _GRAPH_BYTES > most:
        weights = f"{needed / _GIB:.1f} GiB of weights in {recipe.precision}"
        raise ExportError(
            f"graph {contract.graph!r} has {weights}, and a file {backend.suffix} holds {most / _GIB:g} GiB "
            "at most; take a precision of fewer bits, or a smaller network"
        )


def _weight_bytes(module: nn.Module, recipe: Recipe) -> int:
    scheme = recipe.quantisation
    if scheme is None:
        bits = _FLOAT_BITS[recipe.precision]
    else:  # files that are quantised by tools of their format are float at first
        bits = scheme.weight_bits if scheme.stage == "graph" else _FLOAT_BITS["fp32"]
    numbers: int = sum(tensor.numel() for tensor in module.state_dict().values())
    return numbers * bits // _BITS_PER_BYTE
