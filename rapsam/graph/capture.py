"""Turning a module into the one graph that every backend lowers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import ExportError, reason_of
from rapsam.graph.rewrites.fold_batch_norm import fold_batch_norms
from rapsam.graph.rewrites.fold_constants import fold_constants


def capture(module: nn.Module, contract: GraphContract) -> ExportedProgram:
    """Captures a module for the backends: static shapes, evaluation mode, no gradients.

    Batch norms are folded into convolutions, and what depends on weights alone is computed here, once.

    Args:
        module: Takes the contract's inputs as positional tensors, in their order, and returns a tuple
            of its outputs (or one tensor if there is one output). It is left as it was, mode included.
        contract: Names and shapes of the inputs and outputs; example inputs are made from it.

    Returns:
        The graph in PyTorch's functional operators, weights in their own precision.

    Raises:
        ExportError: If PyTorch cannot trace the module, or if the module returns other outputs than
            the contract declares.
    """
    captured = trace(module, contract).module(check_guards=False)
    assert isinstance(captured, fx.GraphModule)
    fold_batch_norms(captured)
    fold_constants(captured)
    program = trace(captured, contract)
    _forget_provenance(program)
    return program


def trace(module: nn.Module, contract: GraphContract) -> ExportedProgram:
    """Captures a module as it is; see `capture`."""
    try:
        with _evaluation_mode(module), torch.no_grad():
            program = torch.export.export(module, example_tensors(contract))
    except Exception as error:  # the exporter lets through whatever the module or the tracer raises
        message = f"PyTorch cannot capture graph {contract.graph!r}: {reason_of(error)}"
        raise ExportError(message) from error
    _check_outputs(program, contract)
    _drop_assertions(program)
    return program


def example_tensors(contract: GraphContract, seed: int = 0) -> tuple[Tensor, ...]:
    """Makes the contract's example inputs as tensors, in the order of the arguments."""
    return tuple(torch.from_numpy(array) for array in contract.example_inputs(seed).values())


@contextmanager
def _evaluation_mode(module: nn.Module) -> Iterator[None]:
    # Not by module.eval(): a module that came out of a captured program refuses it.
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _forget_provenance(program: ExportedProgram) -> None:
    # Every pass of a converter copies a node's whole line of ancestors: a tenth of ExecuTorch's time.
    for node in program.graph.nodes:
        node.meta.pop("from_node", None)


def _drop_assertions(program: ExportedProgram) -> None:
    # They restate the types of casts' inputs, and keep alive what nothing else uses.
    for node in list(program.graph.nodes):
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            program.graph.erase_node(node)
    program.graph_module.recompile()


def _check_outputs(program: ExportedProgram, contract: GraphContract) -> None:
    outputs = [node.meta["val"] for node in program.graph.output_node().args[0]]
    if len(outputs) != len(contract.outputs):
        names = [spec.name for spec in contract.outputs]
        raise ExportError(
            f"graph {contract.graph!r} returns {len(outputs)} tensors; its contract declares {names}"
        )
    for spec, output in zip(contract.outputs, outputs, strict=True):
        _check_output(spec, output, contract.graph)


def _check_output(spec: TensorSpec, output: Tensor, graph: str) -> None:
    dtype = str(output.dtype).removeprefix("torch.")
    if tuple(output.shape) != spec.shape or dtype != spec.dtype:
        raise ExportError(
            f"output {spec.name!r} of graph {graph!r} is {dtype} {list(output.shape)}; "
            f"its contract declares {spec.dtype} {list(spec.shape)}"
        )
