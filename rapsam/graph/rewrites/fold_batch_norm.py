"""Batch norms folded into the convolutions before them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, fx
from torch.nn.utils import fusion

from rapsam.graph.rewrites.attributes import attribute, stored

_aten = torch.ops.aten
_TRANSPOSED = {_aten.conv2d.default: False, _aten.conv_transpose2d.input: True}
# Places of their arguments.
_BIAS, _GROUPS = 2, 6


def fold_batch_norms(module: fx.GraphModule) -> None:
    """Folds every batch norm that follows a convolution, plain or transposed, of weights that are constants.

    A norm in evaluation mode multiplies and shifts each output channel; so do weight and bias. The composed
    weights are computed in float64. A norm of anything else stays, and so does one behind a transposed
    convolution in groups, whose weight has the outputs of one group only.

    Args:
        module: A captured graph in PyTorch's operators, batch norms in evaluation mode. It is changed.
    """
    for node in list(module.graph.nodes):
        pair = _pair(module, node)
        if pair is not None:
            _fold(module, pair)
    module.graph.eliminate_dead_code()
    module.recompile()


class _Pair(NamedTuple):
    conv: fx.Node
    norm: fx.Node


def _pair(module: fx.GraphModule, node: fx.Node) -> _Pair | None:
    if node.target is not _aten.batch_norm.default:
        return None
    conv, training = node.args[0], node.args[5]
    if training or not isinstance(conv, fx.Node) or conv.target not in _TRANSPOSED or len(conv.users) != 1:
        return None
    if _TRANSPOSED[conv.target] and (_argument(conv, _GROUPS) or 1) != 1:
        return None
    arguments = [*conv.args[1:3], *node.args[1:5]]
    if not all(each is None or attribute(module, each) is not None for each in arguments):
        return None
    return _Pair(conv, node)


def _fold(module: fx.GraphModule, pair: _Pair) -> None:
    conv, norm = pair
    weight, bias = (_double(module, each) for each in (conv.args[1], _argument(conv, _BIAS)))
    gamma, beta, mean, variance = (_double(module, each) for each in norm.args[1:5])
    eps = norm.args[7]
    assert weight is not None
    assert mean is not None
    assert variance is not None
    assert isinstance(eps, float)
    transposed = _TRANSPOSED[conv.target]  # type: ignore[index]
    folded = fusion.fuse_conv_bn_weights(weight, bias, mean, variance, eps, gamma, beta, transposed)
    dtype = norm.meta["val"].dtype
    with module.graph.inserting_before(conv):
        new = [stored(module, tensor.detach().to(dtype)) for tensor in folded]
    conv.args = (conv.args[0], *new, *conv.args[3:])
    norm.replace_all_uses_with(conv)


def _argument(node: fx.Node, place: int) -> object:
    return node.args[place] if len(node.args) > place else None


def _double(module: fx.GraphModule, source: object) -> Tensor | None:
    value = attribute(module, source)
    return None if value is None else value.detach().double()
