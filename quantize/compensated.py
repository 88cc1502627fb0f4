"""Weights from palettes, chosen so that their errors make up for each other.

A weight that is rounded moves the output by its error times its input. What comes after it in the same row
can take that back as far as its own input goes along with the first. This is GPTQ (Frantar et al., "GPTQ:
Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2023), with the values of a
palette in place of a grid: the products of all pairs of inputs, over samples, say how far inputs go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from rapsam.contract import GraphContract
from rapsam.graph.capture import trace
from rapsam.graph.rewrites.attributes import attribute, stored
from rapsam.graph.rewrites.fold_constants import fold_constants
from rapsam.inference.runner import Arrays
from rapsam.models.parts import PartRole
from rapsam.quantize.input_products import Progress, WeightUse, input_products
from rapsam.quantize.palette import nearest, weighted_palette
from rapsam.quantize.policy import choose_operators
from rapsam.quantize.scheme import Kind, Quantisation

MIN_VALUES = 512
"""Smaller weights keep their values: a palette would take as much as it saves."""
_DAMPING = 0.03
"""Share of the mean square of inputs that is added to each, so that rare inputs are not trusted too much."""
_LEAST = 1e-10
"""Of squares: inputs that are always zero must be divided by too."""


def _silent(_step: str) -> None:
    """Nobody watches."""


def compensate_weights(
    program: ExportedProgram,
    contract: GraphContract,
    scheme: Quantisation,
    samples: Iterable[Arrays],
    parts: Mapping[PartRole, str],
    kept: frozenset[str] = frozenset(),
    progress: Progress = _silent,
) -> ExportedProgram:
    """Replaces weights by values of palettes, for a tool that stores each palette and the places in it.

    All weights of few bits are taken but those with fewer than `MIN_VALUES` values. One palette is shared
    by `scheme.group` output channels where that divides their number, else by all of them; its values are
    16-bit.
    Memory: the square of the inputs of an output value, 4 bytes each, of every weight.

    Args:
        program: A float32 graph from `capture`. It is not changed.
        contract: Its contract.
        scheme: With a palette.
        samples: Inputs by name, gone through once.
        parts: See `choose_operators`.
        kept: See `choose_operators`.
        progress: Called with how far the work is.

    Raises:
        InputError: If there are no samples, or if they lead to what is no number.
    """
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    uses = _uses(module, choose_operators(module.graph, scheme, parts, kept).small_weights)
    products = input_products(module, contract, uses, samples, progress)
    weights = {use.weight: use for use in uses}.values()
    with torch.no_grad():
        for number, use in enumerate(weights, start=1):
            progress(
                f"{contract.graph}: choosing weights of {scheme.weight_bits} bits, {number} of {len(weights)}"
            )
            _replace(module, use, _compensated(use.tensor, use.kind, products[use.weight], scheme))
    fold_constants(module)  # drops what is no longer used
    return trace(module, contract)


def _uses(module: fx.GraphModule, chosen: Mapping[fx.Node, Kind]) -> list[WeightUse]:
    found = []
    for node, kind in chosen.items():
        weight, tensor = node.args[1], attribute(module, node.args[1])
        if isinstance(weight, fx.Node) and tensor is not None and tensor.numel() >= MIN_VALUES:
            found.append(WeightUse(node, kind, weight, tensor))
    return found


def _replace(module: fx.GraphModule, use: WeightUse, chosen: Tensor) -> None:
    """Gives a weight to all that it is multiplied in; the old one stays as it is."""
    with module.graph.inserting_before(use.weight):
        use.weight.replace_all_uses_with(stored(module, chosen))


def _compensated(weight: Tensor, kind: Kind, products: Tensor, scheme: Quantisation) -> Tensor:
    """Chooses the values of a weight; same shape."""
    if kind == "transposed convolution":  # (inputs, outputs, height, width): a row for every output and place
        turned = weight.permute(1, 2, 3, 0)
        rows = turned.reshape(-1, weight.shape[0])
        chosen = _rows(rows, products, scheme, rows.shape[0] // weight.shape[1])
        return chosen.reshape(turned.shape).permute(3, 0, 1, 2)
    return _rows(weight.flatten(1), products, scheme, 1).reshape(weight.shape)


def _rows(rows: Tensor, products: Tensor, scheme: Quantisation, rows_per_channel: int) -> Tensor:
    """Chooses the values of all rows, palette by palette.

    Args:
        rows: (rows, inputs).
        products: See `input_products`; rows belong to its groups evenly, in order.
        scheme: With a palette.
        rows_per_channel: Rows that make one output channel.
    """
    chosen, per_group = torch.empty_like(rows), rows.shape[0] // products.shape[0]
    height = palette_channels(rows.shape[0] // rows_per_channel, scheme) * rows_per_channel
    factors: dict[int, _Factor] = {}
    for first in range(0, rows.shape[0], height):
        members = range(first, first + height)
        squares = torch.stack([products[row // per_group].diagonal() for row in members])
        palette = _palette(rows[first : first + height], squares, scheme.weight_bits)
        for group in dict.fromkeys(row // per_group for row in members):
            if group not in factors:
                factors[group] = _factor(products[group])
            begin, end = max(first, group * per_group), min(first + height, (group + 1) * per_group)
            chosen[begin:end] = _along(rows[begin:end], factors[group], palette)
    return chosen


def palette_channels(channels: int, scheme: Quantisation) -> int:
    """Says how many output channels share a palette: all, where the scheme's groups do not come out even."""
    return scheme.group if scheme.group is not None and channels % scheme.group == 0 else channels


def _palette(rows: Tensor, squares: Tensor, bits: int) -> Tensor:
    weights: npt.NDArray[np.float64] = squares.double().clamp_min(_LEAST).numpy().ravel()
    values = weighted_palette(rows.double().numpy().ravel(), weights, 2**bits)
    palette: Tensor = torch.from_numpy(values).half().float().unique()  # ascending
    return palette


class _Factor(NamedTuple):
    """How errors are handed on.

    Attributes:
        order: Inputs, those with the largest squares first.
        upper: (inputs, inputs), upper Cholesky factor of the inverse of their products, in this order.
    """

    order: Tensor
    upper: Tensor


def _factor(products: Tensor) -> _Factor:
    damped = products.double()
    squares = damped.diagonal()
    damped = damped + torch.diag(torch.full_like(squares, float(_DAMPING * squares.mean()) + _LEAST))
    order = torch.argsort(squares, descending=True)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped[order][:, order]))
    return _Factor(order, torch.linalg.cholesky(inverse, upper=True).float())


def _along(rows: Tensor, factor: _Factor, palette: Tensor) -> Tensor:
    """Goes along the inputs: takes the nearest value, and hands the error on to the inputs that follow."""
    order, upper = factor
    left, chosen = rows[:, order].clone(), torch.empty_like(rows)
    for place in range(left.shape[1]):
        taken = nearest(left[:, place], palette)
        error = (left[:, place] - taken) / upper[place, place]
        left[:, place:] -= error[:, None] * upper[place, place:]
        chosen[:, order[place]] = taken
    return chosen
