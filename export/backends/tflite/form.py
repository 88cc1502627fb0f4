"""A graph as LiteRT's converter wants it: in XNNPACK's operators, with names that survive."""

from __future__ import annotations

from torch import fx
from torch.export import ExportedProgram
from torch.fx.graph import CodeGen

from rapsam.contract import GraphContract
from rapsam.export.backends.executorch.xnnpack_rewrites import rewrite_hard_masks, rewrite_row_numbers
from rapsam.export.backends.tflite.rewrites import (
    hard_mask,
    rewrite_biases,
    rewrite_gathers,
    rewrite_pools,
    rewrite_products,
)


def tflite_form(program: ExportedProgram, contract: GraphContract) -> fx.GraphModule:
    """Makes a module that takes a contract's inputs as keyword arguments and returns its outputs in a dict.

    The converter gives the signature these names, and each tensor the name of the module that it is made
    in. What it would write in operators that XNNPACK does not take is written otherwise, with the same
    result; see `rapsam.export.backends.tflite.rewrites`.

    Args:
        program: A float32 graph. It is not changed.
        contract: Its contract.
    """
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    rewrite_hard_masks(module, hard_mask)
    rewrite_row_numbers(module)
    rewrite_biases(module)
    rewrite_gathers(module)
    rewrite_pools(module)
    rewrite_products(module)
    for node in module.graph.nodes:
        _keep_module(node)
    _name_borders(module.graph, contract)
    # A new module, without the hooks of the old one: they ask for positional arguments.
    return fx.GraphModule(module, module.graph).eval()


def _keep_module(node: fx.Node) -> None:
    """Leaves the innermost module alone on the stack, its whole path as its kind: that gets written."""
    stack = node.meta.get("nn_module_stack")
    if stack:
        path, _ = list(stack.values())[-1]
        node.meta["nn_module_stack"] = {path: ("", path)}


def _name_borders(graph: fx.Graph, contract: GraphContract) -> None:
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    for node, spec in zip(inputs, contract.inputs, strict=True):
        node.target = spec.name
    output = graph.output_node()
    values = output.args[0]
    assert isinstance(values, (tuple, list))
    names = [spec.name for spec in contract.outputs]
    output.args = (dict(zip(names, values, strict=True)),)
    graph.set_codegen(CodeGen())  # the one at hand flattens inputs and outputs
