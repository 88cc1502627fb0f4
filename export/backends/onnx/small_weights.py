"""Weights of few bits in ONNX, where what they meet is float.

A `DequantizeLinear` of a constant is computed at every run. A `Cast` and a `Mul` of constants are computed
once, when a session starts, by every runtime that folds constants: the file stays small, and the run is that
of a float graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_DEQUANTISE = "DequantizeLinear"


def fold_at_start(model: Any) -> None:  # noqa: ANN401 - untyped package
    """Makes constants of the weights that float operators take, and drops how nodes came about.

    Args:
        model: An ONNX model whose weights are integers behind `DequantizeLinear`. It is changed.
    """
    from onnx import numpy_helper

    graph = model.graph
    constants = {each.name: each for each in graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    makers = {name: node for node in graph.node for name in node.output}
    integers = {
        name for node in graph.node if _takes_integers(node, makers, constants) for name in node.input
    }
    nodes = []
    for node in graph.node:
        # Paths of this machine, for the most part.
        del node.metadata_props[:]
        weights = node.op_type == _DEQUANTISE and node.input[0] in constants
        if not weights or node.output[0] in integers:
            nodes.append(node)
            continue
        scale = numpy_helper.to_array(constants[node.input[1]])
        rank = len(constants[node.input[0]].dims)
        nodes += _cast_and_scaled(graph, node, scale.reshape(_shape(node, scale, rank)))
    del graph.node[:]
    graph.node.extend(nodes)


def _takes_integers(node: Any, makers: dict[str, Any], constants: dict[str, Any]) -> bool:  # noqa: ANN401
    """Tells whether a node's first input comes out of integers that are computed."""
    if not node.input or node.input[0] not in makers:
        return False
    maker = makers[node.input[0]]
    return maker.op_type == _DEQUANTISE and maker.input[0] not in constants


def _shape(node: Any, scale: np.ndarray[Any, Any], rank: int) -> tuple[int, ...]:  # noqa: ANN401
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
    return tuple(scale.size if place == axis % rank else 1 for place in range(rank)) if scale.ndim else ()


def _cast_and_scaled(graph: Any, node: Any, scale: np.ndarray[Any, Any]) -> list[Any]:  # noqa: ANN401
    from onnx import TensorProto, helper, numpy_helper

    result = node.output[0]
    graph.initializer.append(numpy_helper.from_array(scale, f"{result}_by"))
    return [
        helper.make_node("Cast", [node.input[0]], [f"{result}_cast"], f"{result}_cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{result}_cast", f"{result}_by"], [result], f"{result}_scaled"),
    ]
