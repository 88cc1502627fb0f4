"""Roundings that ONNX Runtime must not draw before a pool."""

from __future__ import annotations

from typing import Any

_POOL = "MaxPool"
_QUANTISE = "QuantizeLinear"
_DEQUANTISE = "DequantizeLinear"


def hold_roundings(model: Any) -> None:  # noqa: ANN401 - untyped package
    """Puts a maximum of one value, which changes nothing, between float pools and roundings behind them.

    ONNX Runtime moves a rounding before the pool whose result it takes, which is the same in numbers. The
    pool then computes in integers, but behind a float convolution in a layout that it has no fast kernel
    for: many times slower than in floats.

    Args:
        model: An ONNX model. It is changed.
    """
    from onnx import helper

    makers = {name: node for node in model.graph.node for name in node.output}
    nodes = []
    for node in model.graph.node:
        if node.op_type == _QUANTISE and _is_float_pool(node.input[0], makers):
            held = f"{node.input[0]}_held_for_{node.output[0]}"
            nodes.append(helper.make_node("Max", [node.input[0]], [held], held))
            node.input[0] = held
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _is_float_pool(name: str, makers: dict[str, Any]) -> bool:
    pool = makers.get(name)
    if pool is None or pool.op_type != _POOL:
        return False
    source = makers.get(pool.input[0])
    return source is None or source.op_type != _DEQUANTISE
