"""Transposed convolutions as convolutions whose results are rearranged."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, fx

from rapsam.graph.rewrites.attributes import attribute, stored

_aten = torch.ops.aten
# Defaults of the arguments behind the bias: stride, padding, output padding, groups, dilation.
_DEFAULTS: tuple[object, ...] = ([1, 1], [0, 0], [0, 0], 1, [1, 1])


def shuffle_transposed(module: fx.GraphModule) -> None:
    """Replaces every transposed convolution whose square kernel is a whole number of strides wide.

    Each stride-sized block of the result depends on a few neighbouring pixels, the same for all its values:
    a plain convolution with as many outputs as a block has values makes the block, and a pixel shuffle puts
    it in place. The multiply-adds are the same, but for the borders. A rectifier behind is moved before the
    shuffle.

    Args:
        module: A captured graph in PyTorch's operators. It is changed; its new nodes have no values yet.
    """
    for node in list(module.graph.nodes):
        if node.target is not _aten.conv_transpose2d.input:
            continue
        plan, weight = _plan(node), attribute(module, node.args[1])
        if plan is not None and weight is not None and _fits(plan, weight):
            _replace(module, node, plan, weight)
    module.graph.eliminate_dead_code()
    module.recompile()


def block_weight(weight: Tensor, stride: int) -> Tensor:
    """Rearranges a weight (I, O, K, K) to (O * stride ** 2, I, K / stride, K / stride)."""
    inputs, outputs, side, _ = weight.shape
    blocks = weight.reshape(inputs, outputs, side // stride, stride, side // stride, stride).flip(2, 4)
    rows = blocks.permute(1, 3, 5, 0, 2, 4).reshape(
        outputs * stride**2, inputs, side // stride, side // stride
    )
    return rows.contiguous()


class _Plan(NamedTuple):
    stride: int
    padding: int
    bias: fx.Node | None


def _plan(node: fx.Node) -> _Plan | None:
    bias = node.args[2] if len(node.args) > 2 else None
    assert bias is None or isinstance(bias, fx.Node)
    given: list[object] = list(node.args[3:])
    stride, padding, *others = given + list(_DEFAULTS[len(given) :])
    step, edge = _side(stride), _side(padding)
    if step is None or edge is None or others != list(_DEFAULTS[2:]):
        return None
    return _Plan(step, edge, bias)


def _side(value: object) -> int | None:
    """Returns what is the same for rows and columns; None if they differ."""
    assert isinstance(value, (list, tuple))
    return int(value[0]) if value[0] == value[1] else None


def _fits(plan: _Plan, weight: Tensor) -> bool:
    height, width = weight.shape[2:]
    return height == width and plan.stride > 1 and height % plan.stride == 0


def _replace(module: fx.GraphModule, node: fx.Node, plan: _Plan, weight: Tensor) -> None:
    graph, side = module.graph, weight.shape[2] // plan.stride
    last = _rectifier(node) or node
    bias = attribute(module, plan.bias)
    with graph.inserting_before(node):
        new_weight = stored(module, block_weight(weight.detach(), plan.stride))
        new_bias = None if bias is None else stored(module, bias.detach().repeat_interleave(plan.stride**2))
        made = [
            graph.call_function(
                _aten.conv2d.default, (node.args[0], new_weight, new_bias, [1, 1], [side - 1, side - 1])
            )
        ]
        if last is not node:
            made.append(graph.call_function(_aten.relu.default, (made[-1],)))
        made.append(graph.call_function(_aten.pixel_shuffle.default, (made[-1], plan.stride)))
        made += _cropped(graph, made[-1], plan.padding)
    for each in made:
        each.meta["nn_module_stack"] = node.meta.get("nn_module_stack", {})
    last.replace_all_uses_with(made[-1])


def _rectifier(node: fx.Node) -> fx.Node | None:
    users = list(node.users)
    return users[0] if len(users) == 1 and users[0].target is _aten.relu.default else None


def _cropped(graph: fx.Graph, source: fx.Node, border: int) -> list[fx.Node]:
    if not border:
        return []
    rows = graph.call_function(_aten.slice.Tensor, (source, 2, border, -border))
    return [rows, graph.call_function(_aten.slice.Tensor, (rows, 3, border, -border))]
