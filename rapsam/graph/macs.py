"""Counting multiply-adds, the unit in which the cost of a graph is told."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.utils.flop_counter import FlopCounterMode

from rapsam.contract import GraphContract


def count_macs(module: nn.Module, contract: GraphContract) -> int:
    """Counts the multiply-adds of convolutions and matrix products in one pass of a graph.

    Nothing is computed: a copy of the module runs on tensors without content.

    Args:
        module: Takes the contract's inputs as positional tensors; it is not changed. A captured graph counts
            what folding has left of it.
        contract: Gives the shapes of the inputs.
    """
    shadow = _without_content(module)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(*_inputs(contract))
    return int(counter.get_total_flops()) // 2


def macs_of_operators(program: ExportedProgram, contract: GraphContract) -> dict[str, int]:
    """Counts the multiply-adds of each operator of a captured graph, by the name of its node."""
    shadow = _without_content(program.module(check_guards=False))
    assert isinstance(shadow, fx.GraphModule)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        interpreter = _CountingInterpreter(shadow, counter)
        interpreter.run(*_inputs(contract))
    return interpreter.macs


class _CountingInterpreter(fx.Interpreter):
    """Notes what each operator adds to a counter."""

    def __init__(self, module: fx.GraphModule, counter: FlopCounterMode) -> None:
        super().__init__(module)
        self._counter = counter
        self.macs: dict[str, int] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401 - what a node gives is up to its operator
        before = self._counter.get_total_flops()
        result = super().run_node(n)
        self.macs[n.name] = int(self._counter.get_total_flops() - before) // 2
        return result


def _without_content(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        # PyTorch's own use of its own deprecated class, in captured graphs.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        return copy.deepcopy(module).to("meta").requires_grad_(False)


def _inputs(contract: GraphContract) -> list[Tensor]:
    return [torch.empty(spec.shape, device="meta") for spec in contract.inputs]
