"""The same graph in 16-bit arithmetic, for formats that compute as their graph says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.fx.traceback import preserve_node_meta, set_current_meta
from torch.utils import _pytree as pytree

from rapsam.contract import GraphContract
from rapsam.graph.capture import trace
from rapsam.graph.kept_precision import KEEPS_FLOAT32, Reach, SensitiveKind

_aten = torch.ops.aten
_OPERATORS: Mapping[SensitiveKind, tuple[object, ...]] = {
    "centring": (_aten.sub.Tensor,),
    "wave": (_aten.sin.default, _aten.cos.default),
    "norm": (_aten.layer_norm.default,),
    "sampler": (_aten.grid_sampler.default,),
}
_OFFSETS = (_aten.conv2d.default,)


def half_precision(program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
    """Makes the float16 form of a float32 graph.

    Inputs, outputs, integers and layer norms stay as they are, and so do constants that are subtracted from
    inputs, sine and cosine with all that they are computed from, and the sampling of maps with the positions.

    Args:
        program: A float32 graph from `capture`. It is not changed.
        contract: Its contract.

    Returns:
        A new program with float16 weights.
    """
    return trace(_HalfPrecision(program), contract)


class _HalfPrecision(nn.Module):
    """Runs a graph in float16, except for the nodes that need more."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.graph_module = program.module(check_guards=False)
        self.full = needs_float32(self.graph_module.graph)
        kept = {source.target for node in self.full for source in node.all_input_nodes}
        state = dict(self.graph_module.named_parameters()) | dict(self.graph_module.named_buffers())
        for name, tensor in state.items():
            if tensor.dtype == torch.float32 and name not in kept:
                self._replace(name, tensor)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with preserve_node_meta():  # names of modules
            outputs = _HalfInterpreter(self.graph_module, self.full).run(*inputs)
        return tuple(output.float() for output in pytree.tree_leaves(outputs))

    def _replace(self, name: str, tensor: Tensor) -> None:
        # The tensor belongs to the program; its holder was made for this module.
        owner, _, leaf = name.rpartition(".")
        halved = tensor.detach().half()
        is_parameter = isinstance(tensor, nn.Parameter)
        new = nn.Parameter(halved, requires_grad=False) if is_parameter else halved
        setattr(self.graph_module.get_submodule(owner), leaf, new)


class _HalfInterpreter(fx.Interpreter):
    """Casts the arguments of every operator to the precision that its node has."""

    def __init__(self, module: fx.GraphModule, full: set[fx.Node]) -> None:
        super().__init__(module)
        self.full = full

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401 - what a node gives is up to its operator
        if n.op != "call_function":
            return super().run_node(n)
        cast = _widened if n in self.full else _halved
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        with set_current_meta(n):
            return self.call_function(n.target, *pytree.tree_map(cast, (args, kwargs)))


def _halved(value: object) -> object:
    if value is torch.float32:
        return torch.float16
    if isinstance(value, Tensor) and value.dtype == torch.float32:
        return value.half()
    return value


def _widened(value: object) -> object:
    return value.float() if isinstance(value, Tensor) and value.dtype == torch.float16 else value


def needs_float32(graph: fx.Graph, kinds: Iterable[SensitiveKind] = KEEPS_FLOAT32) -> set[fx.Node]:
    """Finds the operators that keep float32 in a graph of float16, and what has to keep it with them.

    Args:
        graph: Of a program from `capture`.
        kinds: Of the operators.
    """
    found: set[fx.Node] = set()
    for kind in kinds:
        for node in graph.nodes:
            if node.target in _OPERATORS[kind] and (kind != "centring" or _centres(node)):
                found |= {node} | _reached(node, KEEPS_FLOAT32[kind].reach)
    return found


def _centres(difference: fx.Node) -> bool:
    """Tells whether a constant is subtracted from an input of the graph."""
    value, subtracted = difference.args[:2]
    return (
        isinstance(value, fx.Node)
        and value.op == "placeholder"
        and isinstance(subtracted, fx.Node)
        and subtracted.op in ("placeholder", "get_attr")  # constants are attributes, or lifted to inputs
    )


def _reached(node: fx.Node, reach: Reach) -> set[fx.Node]:
    """Finds what keeps its precision with an operator: all sources, or those of its positions."""
    if reach == "itself":
        return set()
    waiting = node.all_input_nodes if reach == "sources" else [node.args[1]]
    ends = () if reach == "sources" else _OFFSETS
    found: set[fx.Node] = set()
    while waiting:
        source = waiting.pop()
        if isinstance(source, fx.Node) and source not in found and source.target not in ends:
            found.add(source)
            waiting.extend(source.all_input_nodes)
    return found
