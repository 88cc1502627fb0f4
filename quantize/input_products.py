"""What the inputs of weights have in common: products of all pairs of them, over samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx
from torch.nn import functional

from rapsam.contract import GraphContract
from rapsam.errors import InputError
from rapsam.inference.runner import Arrays
from rapsam.quantize.policy import module_of
from rapsam.quantize.scheme import Kind

MOST_PLACES = 4096
"""Places of a map that are looked at, evenly spread; more say the same again."""
Progress = Callable[[str], None]


class WeightUse(NamedTuple):
    """An operator that multiplies by a weight of its own.

    Attributes:
        node: It.
        kind: What it is.
        weight: Where the weight comes from.
        tensor: The weight.
    """

    node: fx.Node
    kind: Kind
    weight: fx.Node
    tensor: Tensor


def input_products(
    module: fx.GraphModule,
    contract: GraphContract,
    uses: Iterable[WeightUse],
    samples: Iterable[Arrays],
    progress: Progress,
) -> dict[fx.Node, Tensor]:
    """Averages the products of all pairs of inputs of a weight's rows.

    Args:
        module: The graph.
        contract: Its contract.
        uses: Operators whose inputs count; several of one weight count together.
        samples: Inputs of the graph by name, gone through once.
        progress: Called for each.

    Returns:
        By the node of a weight (groups, inputs, inputs), float32, mean over all places of all samples.

    Raises:
        InputError: If there are no samples, or if they lead to what is no number.
    """
    watcher, count = _Watcher(module, {use.node: use for use in uses}), 0
    with torch.no_grad():
        for count, sample in enumerate(samples, start=1):
            progress(f"{contract.graph}: looking at what weights meet, image {count}")
            watcher.run(*(torch.from_numpy(sample[spec.name]) for spec in contract.inputs))
    if not count:
        raise InputError(f"no samples to calibrate graph {contract.graph!r} with; give --calibration")
    for weight, total in watcher.products.items():
        if not total.isfinite().all():
            where = module_of(next(iter(weight.users))) or weight.name
            raise InputError(
                f"calibrating graph {contract.graph!r} gives inputs of {where} that are no finite numbers; "
                "look at the weights and at the calibration images"
            )
    return {weight: total / watcher.places[weight] for weight, total in watcher.products.items()}


class _Watcher(fx.Interpreter):
    """Runs a graph and looks at what its weights are multiplied by."""

    def __init__(self, module: fx.GraphModule, uses: Mapping[fx.Node, WeightUse]) -> None:
        super().__init__(module)
        self._uses = uses
        self.products: dict[fx.Node, Tensor] = {}
        self.places: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401 - as in fx
        """Looks at the inputs of a node before it runs."""
        use = self._uses.get(n)
        if use is not None:
            source = n.args[0]
            assert isinstance(source, fx.Node)
            rows = _inputs_of(use, self.env[source])
            total = self.products.get(use.weight)
            made = rows.transpose(1, 2) @ rows
            self.products[use.weight] = made if total is None else total + made
            self.places[use.weight] = self.places.get(use.weight, 0) + rows.shape[1]
        return super().run_node(n)


def _inputs_of(use: WeightUse, source: Tensor) -> Tensor:
    """Lists what the rows of a weight are multiplied by, as (groups, places, inputs)."""
    if use.kind == "linear":
        return _spread(source.reshape(1, -1, source.shape[-1]))
    if use.kind == "transposed convolution":
        if _argument(use.node, 6, 1) != 1:  # no two outputs need go together: each value for itself
            return torch.eye(use.tensor.shape[0])[None]
        return _spread(source.flatten(2).transpose(1, 2).reshape(1, -1, source.shape[1]))
    stride, padding, dilation = (_argument(use.node, place, default) for place, default in _CONVOLUTION)
    groups = _argument(use.node, 6, 1)
    patches = functional.unfold(source, use.tensor.shape[2:], dilation, padding, stride)
    rows = patches.unflatten(1, (groups, -1)).permute(1, 0, 3, 2)  # (groups, batch, places, inputs)
    return _spread(rows.flatten(1, 2))


_CONVOLUTION = ((3, 1), (4, 0), (5, 1))
"""Places of stride, padding and dilation among the arguments of a convolution, and their defaults."""


def _argument(node: fx.Node, place: int, default: int) -> Any:  # noqa: ANN401 - a number, or one per side
    return node.args[place] if len(node.args) > place else default


def _spread(rows: Tensor) -> Tensor:
    return rows[:, :: -(-rows.shape[1] // MOST_PLACES)]
