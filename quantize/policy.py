"""Which operators of a captured graph are computed in integers, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import fx

from rapsam.models.parts import PartRole
from rapsam.quantize.scheme import KINDS, WEIGHTED, Kind, Quantisation

_PRODUCTS: tuple[Kind, ...] = (*WEIGHTED, "product")


class Left(NamedTuple):
    """An operator with multiply-adds that stays float.

    Attributes:
        node: Its name in the graph.
        module: Where it is computed.
        kind: What it is.
        why: In a few words.
    """

    node: str
    module: str
    kind: Kind
    why: str


class Choice(NamedTuple):
    """What becomes of the operators of a graph, each in the graph's order.

    Attributes:
        integers: Those that are computed in integers.
        small_weights: Those of which the weights alone get few bits.
        left: Those with multiply-adds that are not computed in integers.
    """

    integers: dict[fx.Node, Kind]
    small_weights: dict[fx.Node, Kind]
    left: tuple[Left, ...]


class Modules(NamedTuple):
    """The same by the names of modules, for tools that work on files.

    Attributes:
        integers: Of what is computed in integers, by kind.
        small_weights: Of what has small weights alone, by kind.
        small_nodes: Operators with small weights alone, by their names in the graph, and what alone takes
            their results: converters make one operator of both, under either name.
    """

    integers: Mapping[Kind, frozenset[str]]
    small_weights: Mapping[Kind, frozenset[str]]
    small_nodes: frozenset[str]


def modules_of(choice: Choice) -> Modules:
    """Names the modules of chosen operators."""
    takers = {user.name for node in choice.small_weights for user in node.users if len(node.users) == 1}
    return Modules(
        integers=_by_kind(choice.integers),
        small_weights=_by_kind(choice.small_weights),
        small_nodes=frozenset(takers | {node.name for node in choice.small_weights}),
    )


def _by_kind(nodes: Mapping[fx.Node, Kind]) -> dict[Kind, frozenset[str]]:
    kinds = dict.fromkeys(nodes.values())
    return {kind: frozenset(module_of(node) for node in nodes if nodes[node] == kind) for kind in kinds}


def choose_operators(
    graph: fx.Graph, scheme: Quantisation, parts: Mapping[PartRole, str], kept: frozenset[str] = frozenset()
) -> Choice:
    """Chooses the operators of a graph that are computed in integers.

    Operators that multiply are taken if the target can and nothing speaks against it. The others only move
    or add up what is there: they are taken where all that they take comes in integers.

    Args:
        graph: From `rapsam.graph.capture.capture`.
        scheme: What the recipe says.
        parts: Of the family; see `rapsam.models.deployment.Deployment.parts`.
        kept: Modules that stay float beside those of the scheme.
    """
    integers: dict[fx.Node, Kind] = {}
    small_weights: dict[fx.Node, Kind] = {}
    left: list[Left] = []
    with_integers: set[fx.Node] = set()
    for node, kind in operators(graph):
        if kind in _PRODUCTS:
            kept_by = _kept_by(node, kind, scheme, parts, kept)
            reason = kept_by or _not_computed(kind, scheme)
            if not kept_by and reason and kind in WEIGHTED and scheme.small_weights:
                small_weights[node] = kind
            if reason:
                left.append(Left(node.name, module_of(node), kind, reason))
                continue
        elif _not_computed(kind, scheme) or not with_integers.issuperset(node.all_input_nodes):
            continue
        integers[node] = kind
        if kind == "convolution":  # a map that it takes is there in integers, whatever made it
            with_integers.update(node.all_input_nodes[:1])
        if kind not in scheme.float_outputs:
            with_integers.add(node)
    return Choice(integers, small_weights, tuple(left))


def operators(graph: fx.Graph) -> Iterator[tuple[fx.Node, Kind]]:
    """Lists the operators of a graph that have a kind, in its order."""
    for node in graph.nodes:
        kind = KINDS.get(str(node.target)) if node.op == "call_function" else None
        if kind is not None and node.meta["val"].dtype == torch.float32:
            yield node, kind


def module_of(node: fx.Node) -> str:
    """Names the innermost module in which a node is computed; "" for the graph itself."""
    stack = node.meta.get("nn_module_stack")
    return str(list(stack.values())[-1][0]) if stack else ""


def _not_computed(kind: Kind, scheme: Quantisation) -> str:
    if scheme.activation_bits is None:
        return "weights alone have few bits"
    return "" if kind in scheme.kinds else f"the target computes no {kind} in integers"


def _kept_by(
    node: fx.Node,
    kind: Kind,
    scheme: Quantisation,
    parts: Mapping[PartRole, str],
    kept: frozenset[str],
) -> str:
    module = module_of(node)
    if module in kept:
        return "the search keeps it"
    for each in scheme.stays_float:
        pattern = parts.get(each.role)
        if pattern and re.search(pattern, module) and (not each.kinds or kind in each.kinds):
            return f"{each.role}: {each.why}"
    return ""
