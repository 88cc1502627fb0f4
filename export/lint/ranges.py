"""Which values of a graph leave the range of float16, found by running it in PyTorch on images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from rapsam.export.lint.checks import NORMS, Hit, reduced_axes
from rapsam.export.lint.examined import Examined, is_one_of, operator_name
from rapsam.export.lint.report import WorstValue
from rapsam.export.lint.rules import Rule
from rapsam.inference.runner import Arrays
from rapsam.quantize.policy import module_of

What = Literal["layer norm input", "sum", "result"]
NORM_INPUT: What = "layer norm input"
LIMITS: Mapping[What, float] = {NORM_INPUT: 256.0, "sum": 65504.0, "result": 65504.0}
"""What float16 takes: of a norm's input the square, of a sum and of any result the value."""


class Ranges(NamedTuple):
    """Largest absolute values of a graph, by operator; NaN counts as infinite.

    Attributes:
        values: By the name of the node and what it is of.
        images: How many images it ran on.
    """

    values: Mapping[tuple[str, What], float]
    images: int


def measure_ranges(graph: Examined, samples: Iterable[Arrays]) -> Ranges:
    """Runs a graph in float32 on samples.

    Args:
        graph: The graph.
        samples: Its inputs, by name, for each image.
    """
    module = graph.program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    watcher = _Watcher(module)
    images = 0
    for sample in samples:
        with torch.no_grad():
            watcher.run(*(torch.as_tensor(sample[spec.name]) for spec in graph.contract.inputs))
        images += 1
    return Ranges(watcher.values, images)


def out_of_range(graph: Examined, ranges: Ranges, rule: Rule) -> Iterator[Hit]:
    """Finds the operators whose values exceed the limit of a rule about ranges.

    Args:
        graph: The graph.
        ranges: From `measure_ranges`.
        rule: With the check "norm-range" (inputs of norms) or "value-range" (sums and results).
    """
    of_norms = rule.check == "norm-range"
    for node in graph.operators():
        found = {
            what: value
            for (name, what), value in ranges.values.items()
            if name == node.name and (what == NORM_INPUT) == of_norms and value > rule.bound
        }
        if found:
            what, value = max(found.items(), key=lambda item: item[1])
            yield Hit(node, f"{what} up to {value:,.0f} on {ranges.images} images")


def worst_values(graph: Examined, ranges: Ranges) -> tuple[WorstValue, ...]:
    """Returns the largest value of each kind, and where it is."""
    nodes = {node.name: node for node in graph.operators()}
    worst = []
    for what, limit in LIMITS.items():
        found = {name: value for (name, kind), value in ranges.values.items() if kind == what}
        if not found:
            continue
        name = max(found, key=lambda each: found[each])
        node = nodes[name]
        worst.append(
            WorstValue(
                graph=graph.contract.graph,
                what=what,
                value=found[name] if math.isfinite(found[name]) else None,
                limit=limit,
                module=module_of(node),
                operator=operator_name(node),
            )
        )
    return tuple(worst)


class _Watcher(fx.Interpreter):
    """Notes the largest absolute values that operators take and return."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[tuple[str, What], float] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401 - what a node gives is up to its operator
        if not operator_name(n):
            return super().run_node(n)
        if is_one_of(n, NORMS):
            self._note(n, NORM_INPUT, self._argument(n))
        result = super().run_node(n)
        if axes := reduced_axes(n):
            self._note(n, "sum", self._argument(n).float().sum(axes))
        for value in pytree.tree_leaves(result):
            if isinstance(value, Tensor) and value.is_floating_point():
                self._note(n, "result", value)
        return result

    def _argument(self, node: fx.Node) -> Tensor:
        source = node.args[0]
        assert isinstance(source, fx.Node)
        value = self.env[source]
        assert isinstance(value, Tensor)
        return value

    def _note(self, node: fx.Node, what: What, values: Tensor) -> None:
        if not values.numel():
            return
        largest = float(values.abs().max())
        key = node.name, what
        self.values[key] = max(self.values.get(key, 0.0), math.inf if math.isnan(largest) else largest)
