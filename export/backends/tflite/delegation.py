"""What of a TFLite file XNNPACK computes, read from LiteRT after it has applied the delegate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rapsam.contract import GraphContract
from rapsam.export.backends.delegation import DelegationReport
from rapsam.export.backends.operations import Operation, delegation_report
from rapsam.graph.pixel_size import pixel_grid

_DELEGATE = "DELEGATE"
# Operators that pick rows, with the place of the table and of the row numbers among their inputs.
_GATHERS = {"GATHER": (0, 1), "GATHER_ND": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}


class _Tensor(NamedTuple):
    shape: tuple[int, ...]
    module: str


class _Node(NamedTuple):
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def tflite_delegation(path: Path, contract: GraphContract) -> DelegationReport:
    """Reports on a file. LiteRT must be installed.

    Args:
        path: From `TfliteBackend.lower`: the names of its tensors begin with their modules.
        contract: Contract of the graph.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    tensors = {d["index"]: _tensor(d) for d in interpreter.get_tensor_details()}
    nodes = [_node(d) for d in interpreter._get_ops_details()]
    operators = [node for node in nodes if node.op != _DELEGATE]
    delegates = [node for node in nodes if node.op == _DELEGATE]
    inside = _delegated(operators, delegates)
    computed = {d["index"] for d in interpreter.get_input_details()}
    computed.update(output for node in operators for output in node.outputs)
    operations = [
        Operation(
            op=node.op,
            module=tensors[node.outputs[0]].module,
            shapes=tuple(tensors[k].shape for k in (*node.inputs, *node.outputs) if k in computed),
            macs=_macs(
                node, [tensors[k].shape for k in node.inputs if k in tensors], tensors[node.outputs[0]].shape
            ),
            delegated=number in inside,
            gathers=_gathers(node, operators) or _is_cast_for_gathers(node, operators),
        )
        for number, node in enumerate(operators)
    ]
    return delegation_report("XNNPACK", "measured", operations, len(delegates), pixel_grid(contract))


def _tensor(details: Mapping[str, Any]) -> _Tensor:
    shape = tuple(int(side) for side in details["shape"])
    return _Tensor(shape, str(details["name"]).split(";", maxsplit=1)[0])


def _node(details: Mapping[str, Any]) -> _Node:
    inputs, outputs = (tuple(int(k) for k in details[side]) for side in ("inputs", "outputs"))
    return _Node(details["op_name"], inputs, outputs)


def _delegated(operators: Sequence[_Node], delegates: Sequence[_Node]) -> set[int]:
    """Returns the numbers of the operators that delegates have replaced.

    The interpreter lists the replaced operators too: they are those between a delegate's inputs and outputs.
    """
    makers = {output: number for number, node in enumerate(operators) for output in node.outputs}
    found: set[int] = set()
    for delegate in delegates:
        given, waiting = set(delegate.inputs), list(delegate.outputs)
        while waiting:
            number = makers.get(waiting.pop())
            if number is not None and number not in found:
                found.add(number)
                waiting.extend(k for k in operators[number].inputs if k not in given)
    return found


def _macs(node: _Node, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]) -> int:
    size = math.prod(output)
    match node.op:
        case "CONV_2D" | "DEPTHWISE_CONV_2D":
            kernel = inputs[1]  # (O, h, w, I), or (1, h, w, O)
            return size * math.prod(kernel[1:] if node.op == "CONV_2D" else kernel[1:3])
        case "TRANSPOSE_CONV":
            return math.prod(inputs[2]) * math.prod(inputs[1][:3])  # kernel (O, h, w, I)
        case "FULLY_CONNECTED":
            return size * inputs[1][-1]
        case "BATCH_MATMUL":
            # Either side may be transposed; the left one has the rows of the output and what is summed.
            return size * (math.prod(inputs[0][-2:]) // output[-2])
        case _:
            return 0


def _gathers(node: _Node, operators: Sequence[_Node]) -> bool:
    """Says whether a node picks rows of something that is computed."""
    if node.op not in _GATHERS:
        return False
    table = node.inputs[_GATHERS[node.op][0]]
    return any(table in maker.outputs for maker in operators)


def _is_cast_for_gathers(node: _Node, operators: Sequence[_Node]) -> bool:
    """Says whether a node is a cast, and only gathers take its result, as row numbers."""
    users = [user for user in operators if node.outputs[0] in user.inputs]
    return (
        node.op == "CAST"
        and bool(users)
        and all(
            _gathers(user, operators) and user.inputs[_GATHERS[user.op][1]] == node.outputs[0]
            for user in users
        )
    )
