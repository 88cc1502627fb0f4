"""What of an ExecuTorch program its delegate computes, read from the lowered program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import flop_registry

from rapsam.contract import GraphContract
from rapsam.export.backends.delegation import DelegationReport
from rapsam.export.backends.operations import Operation, delegation_report
from rapsam.graph.pixel_size import pixel_grid

if TYPE_CHECKING:
    from executorch.exir import EdgeProgramManager

_aten = torch.ops.aten
# Operators that pick rows, with the place of the table and of the row numbers among their arguments.
_GATHERS = {_aten.index_select: (0, 2), _aten.embedding: (0, 1)}


def executorch_delegation(
    edge: EdgeProgramManager, delegate: str, contract: GraphContract
) -> DelegationReport:
    """Reports on a lowered program.

    Args:
        edge: From `to_edge_transform_and_lower`.
        delegate: Name for the report.
        contract: Contract of the graph.
    """
    program = edge.exported_program()
    outside = list(_operations(program, delegated=False))
    parts = [_original(program.graph_module, node) for node in program.graph.nodes if _calls_delegate(node)]
    inside = [operation for part in parts for operation in _operations(part, delegated=True)]
    return delegation_report(delegate, "measured", [*outside, *inside], len(parts), pixel_grid(contract))


def _original(module: fx.GraphModule, call: fx.Node) -> ExportedProgram:
    lowered = call.args[0]
    assert isinstance(lowered, fx.Node)
    part = getattr(module, str(lowered.target)).original_module
    assert isinstance(part, ExportedProgram)
    return part


def _operations(program: ExportedProgram, *, delegated: bool) -> Iterator[Operation]:
    given = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        operator = _operator(node)
        if operator is None:
            continue
        read = [each for each in node.all_input_nodes if each.op != "placeholder" or each.name in given]
        tensors = pytree.tree_leaves([each.meta["val"] for each in (*read, node)])
        yield Operation(
            op=str(operator),
            module=_module(node),
            shapes=tuple(tuple(value.shape) for value in tensors if isinstance(value, Tensor)),
            macs=_macs(node, operator),
            delegated=delegated,
            gathers=_gathers(node) or _is_cast_for_gathers(node),
        )


def _calls_delegate(node: fx.Node) -> bool:
    return node.op == "call_function" and "executorch_call_delegate" in str(node.target)


def _operator(node: fx.Node) -> Any:  # noqa: ANN401 - torch's operators have no common public type
    """Returns the operator that a node calls; None for inputs, delegates and items of tuples."""
    if node.op != "call_function" or not hasattr(node.target, "_op"):
        return None
    return node.target._op


def _module(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""


def _macs(node: fx.Node, operator: Any) -> int:  # noqa: ANN401
    values: Any = fx.map_arg((node.args, node.kwargs), lambda source: source.meta["val"])
    (args, kwargs), result = values, node.meta["val"]
    # PyTorch counts what is left of a graph after all decompositions; some delegates ask to keep these.
    match operator.overloadpacket:
        case _aten.linear | _aten.matmul:
            return int(result.numel() * args[0].shape[-1])
        case _aten.conv2d:
            return int(result.numel() * args[1][0].numel())
        case _aten.conv_transpose2d:
            return int(args[0].numel() * args[1][0].numel())
        case packet if packet in flop_registry:
            return int(flop_registry[packet](*args, **kwargs, out_val=result)) // 2
        case _:
            return 0


def _gathers(node: fx.Node) -> bool:
    """Says whether a node picks rows of something that is computed."""
    operator = _operator(node)
    if operator is None or operator.overloadpacket not in _GATHERS:
        return False
    table = node.args[_place(node)[0]]
    return isinstance(table, fx.Node) and table.op != "placeholder"


def _is_cast_for_gathers(node: fx.Node) -> bool:
    """Says whether a node turns numbers into integers, and only gathers take them, as row numbers."""
    value = node.meta["val"]
    if not isinstance(value, Tensor) or value.is_floating_point() or not node.users:
        return False
    source = node.args[0]
    if not isinstance(source, fx.Node) or not source.meta["val"].is_floating_point():
        return False
    return all(_gathers(user) and user.args[_place(user)[1]] is node for user in node.users)


def _place(node: fx.Node) -> tuple[int, int]:
    return _GATHERS[_operator(node).overloadpacket]
