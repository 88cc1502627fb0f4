"""Computing the constant parts of a graph once, when it is captured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram


def folded_module(program: ExportedProgram) -> fx.GraphModule:
    """Makes a module that computes the same, with all that depends on weights alone as new buffers.

    Converters differ in what they fold themselves, and some (XNNPACK) take a product into their fast
    path only if one side of it is a stored tensor.

    Args:
        program: Any captured program. It is not changed.

    Returns:
        A module for capturing again; weights that are no longer used are gone.
    """
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    constants = _constants(module)
    for number, (node, value) in enumerate(constants.items()):
        if node.op == "call_function" and any(user not in constants for user in node.users):
            _store(module, node, value, f"folded_{number}")
    module.graph.eliminate_dead_code()
    module.recompile()
    _drop_unused(module)
    return module


@torch.no_grad()
def _constants(module: fx.GraphModule) -> dict[fx.Node, Any]:
    values: dict[fx.Node, Any] = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            values[node] = _attribute(module, str(node.target))
        elif node.op == "call_function" and all(source in values for source in node.all_input_nodes):
            args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
            assert callable(node.target)
            values[node] = node.target(*args, **kwargs)
    return values


def _store(module: fx.GraphModule, node: fx.Node, value: object, name: str) -> None:
    assert isinstance(value, Tensor)
    # A copy of its own: an expanded or sliced tensor would be stored with all that is behind it.
    module.register_buffer(name, value.clone(memory_format=torch.contiguous_format))
    with module.graph.inserting_before(node):
        stored = module.graph.get_attr(name)
    node.replace_all_uses_with(stored)


def _attribute(module: fx.GraphModule, name: str) -> Tensor:
    owner, _, leaf = name.rpartition(".")
    value = getattr(module.get_submodule(owner), leaf)
    assert isinstance(value, Tensor)
    return value


def _drop_unused(module: fx.GraphModule) -> None:
    used = {str(node.target) for node in module.graph.nodes if node.op == "get_attr"}
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    for name in state.keys() - used:
        owner, _, leaf = name.rpartition(".")
        delattr(module.get_submodule(owner), leaf)
