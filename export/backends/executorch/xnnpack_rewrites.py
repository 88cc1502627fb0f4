"""Rewrites of a captured graph for XNNPACK, which computes in floating point only; see `xnnpack_form`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, fx

from rapsam.graph.rewrites.attributes import attribute, stored

_aten = torch.ops.aten
_FLOATS = (torch.float32, torch.float16)
# Float32 holds every integer up to here.
_EXACT = 2**24
_SUMS = (_aten.add.Tensor, _aten.mul.Tensor)
_VIEWS = (_aten.reshape.default, _aten.view.default)
# Whole numbers stay whole in these.
_KEEP_WHOLE = (
    *_SUMS,
    *_VIEWS,
    _aten.sub.Tensor,
    _aten.clamp.default,
    _aten.minimum.default,
    _aten.maximum.default,
    _aten.cat.default,
    _aten.narrow.default,
    _aten.to.dtype,
)


def rewrite_hard_masks(module: fx.GraphModule, hard_mask: Callable[[Tensor], Tensor]) -> None:
    """Replaces (x > 0) as numbers of x's own type by arithmetic; the numbers stay the same.

    Args:
        module: A captured graph. It is changed.
        hard_mask: The arithmetic, for float32 or float16 logits.
    """
    for node in list(module.graph.nodes):
        logits = _logits_of_hard_mask(node)
        if logits is not None:
            with module.graph.inserting_before(node):
                mask = module.graph.call_function(hard_mask, (logits,))
            mask.meta = dict(node.meta)
            node.replace_all_uses_with(mask)
    module.graph.eliminate_dead_code()
    module.recompile()


def rewrite_row_numbers(module: fx.GraphModule) -> None:
    """Computes the row numbers of gathers in float32, with one cast to integers just before the gather.

    Only sums, products and views are rewritten, with the casts before them if what is cast is whole already,
    and only for tables whose rows float32 counts exactly.

    Args:
        module: A captured graph. It is changed.
    """
    for node in list(module.graph.nodes):
        if node.target is not _aten.index_select.default:
            continue
        table, axis, numbers = node.args
        if table.meta["val"].shape[axis] <= _EXACT and numbers.target in (*_SUMS, *_VIEWS):
            with module.graph.inserting_before(node):
                exact = _in_float32(module, numbers)
                cast = module.graph.call_function(_aten.to.dtype, (exact, numbers.meta["val"].dtype))
            cast.meta = dict(numbers.meta)
            node.replace_input_with(numbers, cast)
    module.graph.eliminate_dead_code()
    module.recompile()


def _logits_of_hard_mask(node: fx.Node) -> fx.Node | None:
    """Returns x of a node that is (x > 0) as numbers of x's own type, else None."""
    if node.target is not _aten.to.dtype:
        return None
    compared, dtype = node.args
    if not isinstance(compared, fx.Node) or compared.target is not _aten.gt.Scalar:
        return None
    logits, threshold = compared.args
    assert isinstance(logits, fx.Node)
    same = threshold == 0 and dtype == logits.meta["val"].dtype and dtype in _FLOATS
    return logits if same else None


def _in_float32(module: fx.GraphModule, node: fx.Node) -> fx.Node:
    """Adds nodes that compute the integers of `node` in float32."""
    if node.meta["val"].dtype is torch.float32:
        return node
    if node.op == "call_function" and node.target in (*_SUMS, *_VIEWS):
        args = fx.map_arg(node.args, lambda source: _in_float32(module, source))
        if node.target in _SUMS:  # whole numbers would become constants that every run casts
            args = tuple(float(arg) if isinstance(arg, int) else arg for arg in args)
        made = module.graph.call_function(node.target, args, dict(node.kwargs))
    elif node.target is _aten.to.dtype and _is_whole(module, node.args[0]):
        source = node.args[0]
        assert isinstance(source, fx.Node)
        return _in_float32(module, source)
    elif node.op == "get_attr":
        integers = attribute(module, node)
        assert integers is not None
        made = stored(module, integers.float())
    else:
        made = module.graph.call_function(_aten.to.dtype, (node, torch.float32))
    made.meta = dict(node.meta)
    # The shape is the same; the type is what a later look at this node asks for.
    made.meta["val"] = node.meta["val"].to(torch.float32)
    return made


def _is_whole(module: fx.GraphModule, value: object) -> bool:
    """Says whether an argument of an operator holds nothing but whole numbers; False if that is not known."""
    if isinstance(value, list | tuple):
        return all(_is_whole(module, each) for each in value)
    if isinstance(value, float):
        return value.is_integer()
    if not isinstance(value, fx.Node):
        return True
    if not value.meta["val"].is_floating_point() or value.target is _aten.floor.default:
        return True
    constant = attribute(module, value)
    if constant is not None:
        return bool((constant == constant.floor()).all())
    return value.target in _KEEP_WHOLE and not value.kwargs and _is_whole(module, value.args)
