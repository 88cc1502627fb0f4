"""Graphs of small modules, as the folds get them."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn


def graph_of(module: nn.Module, x: Tensor) -> fx.GraphModule:
    """Captures a module in evaluation mode for inputs like x; nothing is folded."""
    captured = torch.export.export(module.eval(), (x,)).module(check_guards=False)
    assert isinstance(captured, fx.GraphModule)
    return captured


def operators(graph: fx.GraphModule) -> list[str]:
    """Names its operators, as in "aten.conv2d.default", in their order."""
    return [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]
