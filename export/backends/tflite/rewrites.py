"""Rewrites of a captured graph whose operators LiteRT's converter would keep from XNNPACK."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, fx
from torch.nn import functional

from rapsam.graph.rewrites.attributes import attribute, stored

_aten = torch.ops.aten
_STEEP = 60000.0  # delegates may compute in float16, which ends at 65504


def hard_mask(logits: Tensor) -> Tensor:
    """Computes (logits > 0) as numbers, for logits of 0 or less, or of 1 / 60000^2 = 3e-10 or more.

    A clamp to 0..1 would become RELU_0_TO_1, which XNNPACK lacks. One steeper factor would be infinite in
    float16, and its product with 0 no number; two take the smallest float16 above 1.
    """
    return 1 - torch.relu(1 - torch.relu(logits * _STEEP) * _STEEP)


def rewrite_gathers(module: fx.GraphModule) -> None:
    """Picks rows by EMBEDDING_LOOKUP.

    `index_select` becomes GATHER_ND, with a check of every row number before it and of every row after.
    """
    for node in module.graph.nodes:
        if node.target is _aten.index_select.default:
            table, axis, numbers = node.args
            if axis == 0 and table.meta["val"].dim() == 2:
                node.target, node.args = _aten.embedding.default, (table, numbers)
    module.recompile()


def rewrite_pools(module: fx.GraphModule) -> None:
    """Pads the input of maximum pools with zeros, where it is positive or zero anyway.

    PyTorch pads with minus infinity, which becomes PADV2; XNNPACK pads with zeros only.
    """
    for node in list(module.graph.nodes):
        if node.target is _aten.max_pool2d.default and node.args[0].target is _aten.relu.default:
            _replace(module, node, _zero_padded_pool)


def rewrite_biases(module: fx.GraphModule) -> None:
    """Adds constant vectors that follow a linear layer to its bias.

    The converter drops the layer's leading axes of 1 and fails to bring them back behind such a sum.
    """
    for node in list(module.graph.nodes):
        if node.target is not _aten.add.Tensor or node.kwargs:  # the keyword is a factor, alpha
            continue
        for linear, other in (node.args[:2], node.args[1::-1]):
            vector, weights = attribute(module, other), _layer(module, linear)
            if weights is not None and vector is not None and vector.shape == weights[1].shape:
                with module.graph.inserting_before(node):
                    bias = stored(module, weights[1].detach() + vector.detach())
                    made = module.graph.call_function(_aten.linear.default, (*linear.args[:2], bias))
                made.meta = dict(node.meta)
                node.replace_all_uses_with(made)
                break
    module.graph.eliminate_dead_code()
    module.recompile()


def _layer(module: fx.GraphModule, node: object) -> tuple[Tensor, Tensor] | None:
    """Returns weight and bias of a linear layer."""
    if not isinstance(node, fx.Node) or node.target is not _aten.linear.default:
        return None
    weight, bias = attribute(module, node.args[1]), attribute(module, (*node.args, None)[2])
    return None if weight is None or bias is None else (weight, bias)


def rewrite_products(module: fx.GraphModule) -> None:
    """Makes two products of one with a transposed matrix.

    A single product of that kind becomes FULLY_CONNECTED, which XNNPACK takes with stored weights only; a
    batch of two becomes BATCH_MATMUL. Of rank 3, it is added up in two halves of what is summed; of rank 4,
    where one side may have thousands of rows, the rows of the longer side are halved: no large tensor moves.
    """
    for node in list(module.graph.nodes):
        if node.target is _aten.matmul.default and (form := _form_of_two_products(node)) is not None:
            _replace(module, node, form)


def _form_of_two_products(product: fx.Node) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Chooses how to make two products of one; None for one that is no single product with a transposed."""
    left, right = product.args
    assert isinstance(left, fx.Node)
    assert isinstance(right, fx.Node)
    (*batch, rows, _), (*others, summed, columns) = left.meta["val"].shape, right.meta["val"].shape
    if len(batch) != len(others) or {*batch, *others} != {1} or not _is_transposed(right):
        return None
    if len(batch) == 1:
        return _product_in_halves if summed % 2 == 0 else None
    if max(rows, columns) % 2:
        return None
    return _product_by_rows if rows >= columns else _product_by_columns


def _is_transposed(node: fx.Node) -> bool:
    """Tells whether a matrix is a transposed one, seen with further axes of 1 or without."""
    while node.target is _aten.unsqueeze.default:
        (node, _) = node.args  # type: ignore[assignment]
    return node.target is _aten.transpose.int


def _product_in_halves(left: Tensor, right: Tensor) -> Tensor:
    rows, summed, columns = left.shape[1], left.shape[2], right.shape[2]
    halves = left.reshape(rows, 2, summed // 2).transpose(0, 1)
    return (halves @ right.reshape(2, summed // 2, columns)).sum(0, keepdim=True)


def _product_by_rows(left: Tensor, right: Tensor) -> Tensor:
    rows, summed, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    twice = right.reshape(1, summed, columns).expand(2, -1, -1)
    halves = left.reshape(2, rows // 2, summed)
    return (halves @ twice).reshape(*left.shape[:-1], columns)


def _product_by_columns(left: Tensor, right: Tensor) -> Tensor:
    return _product_by_rows(right.transpose(-2, -1), left.transpose(-2, -1)).transpose(-2, -1)


def _zero_padded_pool(
    x: Tensor, kernel: list[int], stride: list[int], padding: list[int] | int = 0, *rest: object
) -> Tensor:
    vertical, horizontal = (padding, padding) if isinstance(padding, int) else (padding[0], padding[-1])
    padded = functional.pad(x, (horizontal, horizontal, vertical, vertical))
    return _aten.max_pool2d.default(padded, kernel, stride, 0, *rest)  # type: ignore[no-any-return]


def _replace(module: fx.GraphModule, node: fx.Node, function: object) -> None:
    with module.graph.inserting_before(node):
        made = module.graph.call_function(function, node.args)  # type: ignore[arg-type]
    made.meta = dict(node.meta)
    node.replace_all_uses_with(made)
    module.graph.eliminate_dead_code()
    module.recompile()
