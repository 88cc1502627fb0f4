"""What finds the operators that break a rule: small functions, by the name that rules give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, fx

from rapsam.export.backends.recipes import Recipe
from rapsam.export.lint.examined import Examined, is_one_of, operator_name, shape_of, shapes_of, tensors_of
from rapsam.export.lint.rules import Rule
from rapsam.graph.half import needs_float32
from rapsam.graph.kept_precision import SensitiveKind

PRODUCTS = ("aten.matmul", "aten.bmm")
NORMS = ("aten.layer_norm", "aten.group_norm", "aten.native_layer_norm", "aten.rms_norm")
REDUCTIONS = ("aten.sum", "aten.mean", "aten.adaptive_avg_pool2d")
_SUMS = ("aten.add",)
_PASSED_ON = ("aten.mul", "aten.div", *_SUMS)
"""What lies between a product and its mask, as the scale of attention."""
_CHOICES = ("aten.topk", "aten.sort", "aten.argsort")
_ROWS = ("aten.gather", "aten.index_select", "aten.index", "aten.embedding", "aten.take_along_dim")
_SOFTMAX = ("aten.softmax", "aten._softmax", "aten._safe_softmax", "aten.log_softmax")
_KEPT: tuple[SensitiveKind, ...] = ("wave", "norm", "sampler")
"""Not centring: Core ML does not keep it, and as the first step of a graph it has a border on one side."""


class Hit(NamedTuple):
    """An operator that breaks a rule, and what of it does."""

    node: fx.Node
    detail: str


Check = Callable[[Examined, Rule], Iterator[Hit]]


def batched_product(graph: Examined, _rule: Rule) -> Iterator[Hit]:
    """Finds products of two computed tensors of rank 3 with a batch that is not 1."""
    for node in _products(graph):
        left, right = (shape_of(side) for side in node.args[:2])
        both_computed = all(graph.computed(side) for side in node.args[:2])
        if both_computed and len(left) == len(right) == 3 and max(left[0], right[0]) != 1:
            yield Hit(node, f"{_told(left)} by {_told(right)}")


def broadcast_on_product(graph: Examined, _rule: Rule) -> Iterator[Hit]:
    """Finds sums of a product and a smaller tensor, also with a scale between them."""
    for node in graph.operators():
        if not is_one_of(node, _SUMS):
            continue
        left, right = node.args[:2]
        for product, other in ((left, right), (right, left)):
            shape = shape_of(other)
            smaller = math.prod(shape) > 1 and shape != shape_of(node)
            if smaller and _comes_from_product(graph, product):
                yield Hit(node, f"{_told(shape)} added to {_told(shape_of(product))}")
                break


def constant_left(graph: Examined, _rule: Rule) -> Iterator[Hit]:
    """Finds products with a constant on the left of something computed."""
    for node in _products(graph):
        left, right = node.args[:2]
        if graph.is_stored(left) and graph.computed(right):
            yield Hit(node, f"constant {_told(shape_of(left))} by {_told(shape_of(right))}")


def large_reduction(graph: Examined, rule: Rule) -> Iterator[Hit]:
    """Finds sums and means over two or more axes at once, of `limit` elements or more."""
    for node in graph.operators():
        axes = reduced_axes(node)
        count = math.prod(shape_of(node.args[0])[axis] for axis in axes)
        if len(axes) > 1 and count >= rule.bound:
            yield Hit(node, f"{count:,} elements over {len(axes)} axes")


def rank(graph: Examined, rule: Rule) -> Iterator[Hit]:
    """Finds operators that read or make a tensor of rank above `limit`."""
    for node in graph.operators():
        highest = max((len(shape) for shape in _touched(node)), default=0)
        if highest > rule.bound:
            yield Hit(node, f"rank {highest}")


def axis(graph: Examined, rule: Rule) -> Iterator[Hit]:
    """Finds operators that read or make a tensor one of whose last two axes is longer than `limit`."""
    for node in graph.operators():
        longest = max((side for shape in _touched(node) for side in shape[-2:]), default=0)
        if longest > rule.bound:
            yield Hit(node, f"an axis of {longest:,}")


def listed(graph: Examined, rule: Rule) -> Iterator[Hit]:
    """Finds the operators of the rule's list, where they work on something computed."""
    for node in graph.operators():
        if is_one_of(node, rule.operators) and graph.computed(node.args[0]):
            yield Hit(node, f"on {_told(shape_of(node.args[0]))}")


def symbolic_shape(graph: Examined, _rule: Rule) -> Iterator[Hit]:
    """Finds operators that read or make a tensor with a side that is not fixed."""
    for node in graph.operators():
        for shape in _touched(node):
            if -1 in shape:
                yield Hit(node, f"shape {_told(shape)}, with -1 for what is not fixed")
                break


def infinity(graph: Examined, rule: Rule) -> Iterator[Hit]:
    """Finds softmaxes that are computed from a number or a constant below `limit`."""
    for node in graph.operators():
        if not is_one_of(node, _SOFTMAX):
            continue
        for source in _sources(node):
            lowest = _lowest_number(graph, source)
            if lowest < rule.bound:
                yield Hit(node, f"takes {lowest:g}, from {operator_name(source) or source.name}")
                break


def kept_float32(graph: Examined, rule: Rule) -> Iterator[Hit]:
    """Finds what keeps float32 in a graph of float16.

    Of norms these are the ones whose epsilon float16 would change by more than `limit`, as a share of it.
    """
    kept = needs_float32(graph.program.graph, _KEPT)
    for node in graph.operators():
        if node not in kept or not any(value.is_floating_point() for value in tensors_of(node)):
            continue
        if is_one_of(node, NORMS):
            epsilon = _epsilon(node)
            if abs(float(np.float16(epsilon)) - epsilon) > rule.bound * epsilon:
                yield Hit(node, f"epsilon {epsilon:g}")
        else:
            yield Hit(node, "positions, or what they are made of")


def chosen_rows(graph: Examined, _rule: Rule) -> Iterator[Hit]:
    """Finds rows that are gathered by what a top-k or a sort of the graph has chosen."""
    for node in graph.operators():
        if is_one_of(node, _ROWS) and any(is_one_of(source, _CHOICES) for source in _sources(node)):
            yield Hit(node, "rows that the graph itself has chosen")


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "axis": axis,
        "batched-product": batched_product,
        "broadcast-on-product": broadcast_on_product,
        "chosen-rows": chosen_rows,
        "constant-left": constant_left,
        "infinity": infinity,
        "kept-float32": kept_float32,
        "large-reduction": large_reduction,
        "listed": listed,
        "rank": rank,
        "symbolic-shape": symbolic_shape,
    }
)
"""Of operators of a captured graph."""


def _always(_recipe: Recipe) -> str:
    return "any graph"


def _float32(recipe: Recipe) -> str:
    return f"{recipe.name} computes in float32" if recipe.arithmetic == "fp32" else ""


def _w8a16(recipe: Recipe) -> str:
    scheme = recipe.quantisation
    found = scheme is not None and (scheme.weight_bits, scheme.activation_bits) == (8, 16)
    return f"{recipe.name} has 16-bit activations" if found else ""


RECIPE_CHECKS: Mapping[str, Callable[[Recipe], str]] = MappingProxyType(
    {"always": _always, "recipe-float32": _float32, "recipe-w8a16": _w8a16}
)
"""Of recipes: each says what breaks the rule, or nothing. They hold for models and bundles alike."""


def reduced_axes(node: fx.Node) -> tuple[int, ...]:
    """Returns the axes over which a node sums or takes a mean, from 0 up; () for any other operator."""
    if not is_one_of(node, REDUCTIONS):
        return ()
    dimensions = len(shape_of(node.args[0]))
    if is_one_of(node, ("aten.adaptive_avg_pool2d",)):
        # One output per map is the mean of all; larger outputs are windows.
        return (dimensions - 2, dimensions - 1) if shape_of(node)[-2:] == (1, 1) else ()
    named = node.args[1] if len(node.args) > 1 else None
    axes = named if isinstance(named, list | tuple) and named else range(dimensions)
    return tuple(sorted(int(each) % dimensions for each in axes))


def _products(graph: Examined) -> Iterator[fx.Node]:
    return (node for node in graph.operators() if is_one_of(node, PRODUCTS))


def _comes_from_product(graph: Examined, node: object) -> bool:
    while isinstance(node, fx.Node):
        if is_one_of(node, PRODUCTS):
            return all(graph.computed(side) for side in node.args[:2])
        if not is_one_of(node, _PASSED_ON):
            return False
        # Only a scale may lie between: one side then is a number.
        sides = [side for side in node.args[:2] if math.prod(shape_of(side)) > 1]
        node = sides[0] if len(sides) == 1 else None
    return False


def _touched(node: fx.Node) -> list[tuple[int, ...]]:
    return [shape for each in (*node.all_input_nodes, node) for shape in shapes_of(each)]


def _sources(node: fx.Node) -> Iterator[fx.Node]:
    """Lists all that a node is computed from, nearest first, up to the softmax before it."""
    waiting, seen = list(node.all_input_nodes), set()
    while waiting:
        source = waiting.pop(0)
        if source in seen:
            continue
        seen.add(source)
        yield source
        if not is_one_of(source, _SOFTMAX):
            waiting.extend(source.all_input_nodes)


def _lowest_number(graph: Examined, node: fx.Node) -> float:
    """Returns the smallest number that a node brings in: of a constant, or among its arguments."""
    if node.name in graph.stored:
        tensor = graph.stored[node.name]
        return _smallest(tensor)
    # A bound of a clamp lets nothing in.
    if not operator_name(node) or is_one_of(node, ("aten.clamp", "aten.clamp_min")):
        return 0.0
    return min((float(value) for value in node.args if isinstance(value, float)), default=0.0)


def _smallest(tensor: Tensor) -> float:
    return float(tensor.min()) if tensor.numel() and tensor.is_floating_point() else 0.0


def _epsilon(node: fx.Node) -> float:
    named = node.kwargs.get("eps")
    numbers = [value for value in (named, *node.args) if type(value) is float]
    return numbers[-1] if numbers else float(torch.nn.LayerNorm(1).eps)


def _told(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
