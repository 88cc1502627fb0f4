"""A captured graph as the checks look at it: operators with shapes, modules, multiply-adds and bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from rapsam.contract import GraphContract
from rapsam.export.backends.recipes import Recipe
from rapsam.graph.macs import macs_of_operators
from rapsam.models.parts import PartRole

_ARITHMETIC = {"fp32": 4.0, "fp16": 2.0}
# PyTorch counts rows in 64 bits; no phone's runtime does.
_INTEGER_BYTES = 4.0


class ElementSizes(NamedTuple):
    """Bytes of a floating-point number once a recipe has been applied.

    Attributes:
        activation: Of what operators compute.
        weight: Of stored tensors; less than one where weights have 4 or 6 bits.
    """

    activation: float
    weight: float

    def of(self, value: Tensor, *, stored: bool) -> int:
        """Returns the bytes of a tensor; a side that is not fixed counts as one."""
        count = math.prod(_sides(value, unknown=1))
        if value.dtype == torch.bool:
            return count
        if not value.is_floating_point():
            return math.ceil(count * _INTEGER_BYTES)
        return math.ceil(count * (self.weight if stored else self.activation))


def element_sizes(recipe: Recipe) -> ElementSizes:
    """Returns the sizes of a recipe. Where it leaves single operators float, they count as quantised too."""
    activation = _ARITHMETIC[recipe.arithmetic]
    scheme = recipe.quantisation
    if scheme is None:
        # A target may store 16 bits and compute in 32.
        return ElementSizes(activation, min(activation, _ARITHMETIC[recipe.precision]))
    if scheme.activation_bits is not None and not scheme.dynamic:
        activation = scheme.activation_bits / 8
    return ElementSizes(activation, scheme.weight_bits / 8)


@dataclass(frozen=True)
class Examined:
    """A captured graph under examination.

    Attributes:
        program: From `rapsam.graph.capture.capture`.
        contract: Its contract.
        parts: Of the family; see `rapsam.models.deployment.Deployment.parts`.
        sizes: By which bytes are counted.
    """

    program: ExportedProgram
    contract: GraphContract
    parts: Mapping[PartRole, str]
    sizes: ElementSizes

    @cached_property
    def stored(self) -> Mapping[str, Tensor]:
        """Weights and constants, by the name of their node."""
        signature = self.program.graph_signature
        named = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        tensors = {**self.program.constants, **self.program.state_dict}
        return {node: tensors[name] for node, name in named.items() if isinstance(tensors.get(name), Tensor)}

    @cached_property
    def macs(self) -> Mapping[str, int]:
        """Multiply-adds, by the name of the node; empty for a graph whose shapes are not fixed."""
        if any(-1 in shape for node in self.operators() for shape in shapes_of(node)):
            return {}
        return macs_of_operators(self.program, self.contract)

    @cached_property
    def total_macs(self) -> int:
        """Multiply-adds of the graph."""
        return sum(self.macs.values())

    def operators(self) -> Iterator[fx.Node]:
        """Lists the operators; picking an item of several results is none."""
        return (node for node in self.program.graph.nodes if operator_name(node))

    def computed(self, node: object) -> bool:
        """Says whether an argument is a tensor that is computed, or given from outside."""
        return isinstance(node, fx.Node) and node.name not in self.stored

    def is_stored(self, node: object) -> bool:
        """Says whether an argument is a weight or a constant."""
        return isinstance(node, fx.Node) and node.name in self.stored

    def bytes_moved(self, node: fx.Node) -> int:
        """Returns what an operator reads and writes, in bytes."""
        read = sum(
            self.sizes.of(value, stored=source.name in self.stored)
            for source in node.all_input_nodes
            for value in tensors_of(source)
        )
        return read + sum(self.sizes.of(value, stored=False) for value in tensors_of(node))

    def weight_bytes(self) -> int:
        """Returns what the weights and constants take, in bytes."""
        return sum(self.sizes.of(tensor, stored=True) for tensor in self.stored.values())

    def role(self, module: str) -> PartRole | None:
        """Says what a module does, if the family says so."""
        return next((role for role, pattern in self.parts.items() if re.search(pattern, module)), None)


def operator_name(node: fx.Node) -> str:
    """Returns the name of a node's operator, as in "aten.matmul.default"; empty for a node that has none."""
    is_operator = node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload)
    return str(node.target) if is_operator else ""


def is_one_of(node: fx.Node, names: tuple[str, ...]) -> bool:
    """Says whether a node's operator is among these names, with its overload ("aten.max.dim") or without."""
    name = operator_name(node)
    return name in names or name.rpartition(".")[0] in names


def tensors_of(node: fx.Node) -> list[Tensor]:
    """Lists the tensors, without content, that a node returns."""
    return [value for value in pytree.tree_leaves(node.meta.get("val")) if isinstance(value, Tensor)]


def shapes_of(node: fx.Node) -> tuple[tuple[int, ...], ...]:
    """Returns the shapes of a node's results; -1 for a side that is not fixed."""
    return tuple(_sides(value, unknown=-1) for value in tensors_of(node))


def shape_of(node: object) -> tuple[int, ...]:
    """Returns the shape of an argument, or of its first result; () for a number."""
    shapes = shapes_of(node) if isinstance(node, fx.Node) else ()
    return shapes[0] if shapes else ()


def _sides(value: Tensor, *, unknown: int) -> tuple[int, ...]:
    return tuple(side if type(side) is int else unknown for side in value.shape)
