"""Computing the constant parts of a graph once, when it is captured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from rapsam.graph.rewrites.attributes import attribute, stored


def fold_constants(module: fx.GraphModule) -> None:
    """Replaces all that depends on weights alone by new buffers, and drops what is no longer used.

    Converters differ in what they fold themselves, and some (XNNPACK) take a product into their fast
    path only if one side of it is a stored tensor.

    Args:
        module: A captured graph. It is changed.
    """
    constants = _constants(module)
    for node, value in constants.items():
        if node.op == "call_function" and any(user not in constants for user in node.users):
            _store(module, node, value)
    module.graph.eliminate_dead_code()
    module.recompile()
    _drop_unused(module)


@torch.no_grad()
def _constants(module: fx.GraphModule) -> dict[fx.Node, Any]:
    values: dict[fx.Node, Any] = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            values[node] = attribute(module, node)
        elif node.op == "call_function" and all(source in values for source in node.all_input_nodes):
            args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
            assert callable(node.target)
            values[node] = node.target(*args, **kwargs)
    return values


def _store(module: fx.GraphModule, node: fx.Node, value: object) -> None:
    assert isinstance(value, Tensor)
    with module.graph.inserting_before(node):
        # A copy of its own: an expanded or sliced tensor would be stored with all that is behind it.
        copied = stored(module, value.clone(memory_format=torch.contiguous_format))
    node.replace_all_uses_with(copied)


def _drop_unused(module: fx.GraphModule) -> None:
    used = {str(node.target) for node in module.graph.nodes if node.op == "get_attr"}
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    for name in state.keys() - used:
        owner, _, leaf = name.rpartition(".")
        delattr(module.get_submodule(owner), leaf)
