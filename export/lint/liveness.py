"""How much of a graph's activations is alive at a time."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import NamedTuple

from torch import fx

from rapsam.export.lint.examined import Examined, is_one_of, operator_name, shapes_of, tensors_of
from rapsam.export.lint.peak import Step, peak_of
from rapsam.export.lint.report import LargestTensor
from rapsam.quantize.policy import module_of

_SAME_BYTES = (
    *("aten.reshape", "aten.view", "aten._unsafe_view", "aten.flatten", "aten.unflatten", "aten.squeeze"),
    *("aten.unsqueeze", "aten.contiguous", "aten.alias", "aten.detach", "aten.lift_fresh_copy"),
)
"""Operators whose result is what they take, under another shape. Transposing and cutting copy on phones."""


class Liveness(NamedTuple):
    """What is alive when most is.

    Attributes:
        peak_bytes: Activations that are alive there, given inputs and what is returned included; weights
            are not.
        peak_at: Module, or operator, that runs then; empty for a graph without operators.
        largest: The largest tensor that is computed; None without any.
    """

    peak_bytes: int
    peak_at: str
    largest: LargestTensor | None


def liveness(graph: Examined) -> Liveness:
    """Follows the tensors of a graph in its order, each from where it is made to where it is last read.

    An operator's inputs and results are alive together. What only has another shape takes no memory of its
    own. Runtimes may plan better (in place) or worse (padding, copies): this is an estimate.
    """
    nodes = [node for node in graph.program.graph.nodes if node.name not in graph.stored]
    peak = peak_of([_step(graph, node) for node in nodes])
    at = "" if peak.at is None else module_of(nodes[peak.at]) or operator_name(nodes[peak.at])
    return Liveness(peak.size_bytes, at, _largest(graph))


def _step(graph: Examined, node: fx.Node) -> Step:
    first = node.args[0] if node.args else None
    shares = node.target is operator.getitem or is_one_of(node, _SAME_BYTES)
    return Step(
        key=node,
        size_bytes=_bytes_of(graph, node),
        reads=tuple(node.all_input_nodes),
        shares=first if shares and isinstance(first, fx.Node) else None,
        given=node.op == "placeholder",
    )


def _bytes_of(graph: Examined, node: fx.Node) -> int:
    if node.op == "output":
        return 0
    return sum(graph.sizes.of(value, stored=False) for value in tensors_of(node))


def _largest(graph: Examined) -> LargestTensor | None:
    return max(_tensors(graph), key=lambda tensor: tensor.size_bytes, default=None)


def _tensors(graph: Examined) -> Iterator[LargestTensor]:
    for node in graph.operators():
        for value, shape in zip(tensors_of(node), shapes_of(node), strict=True):
            yield LargestTensor(
                operator=operator_name(node),
                module=module_of(node),
                shape=shape,
                size_bytes=graph.sizes.of(value, stored=False),
            )
