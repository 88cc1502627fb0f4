"""Constants of a captured graph: reading those that are there, and storing new ones."""

from __future__ import annotations

import itertools

from torch import Tensor, fx


def attribute(module: fx.GraphModule, source: object) -> Tensor | None:
    """Returns the tensor that a node reads from its module; None for anything but such a node."""
    if not isinstance(source, fx.Node) or source.op != "get_attr":
        return None
    owner, _, leaf = str(source.target).rpartition(".")
    value = getattr(module.get_submodule(owner), leaf)
    assert isinstance(value, Tensor)
    return value


def stored(module: fx.GraphModule, value: Tensor) -> fx.Node:
    """Keeps a tensor as a new buffer, and reads it where the graph is being written."""
    name = next(name for k in itertools.count() if not hasattr(module, name := f"folded_{k}"))
    module.register_buffer(name, value)
    return module.graph.get_attr(name)
