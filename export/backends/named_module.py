"""A captured graph as a module that speaks in names."""

from __future__ import annotations

from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from rapsam.contract import GraphContract


class NamedModule(nn.Module):
    """Takes the inputs of a contract as keyword arguments and returns its outputs in a dict.

    Args:
        program: The captured graph.
        contract: Its contract.
    """

    def __init__(self, program: ExportedProgram, contract: GraphContract) -> None:
        super().__init__()
        self.graph_module = program.module(check_guards=False)
        self.contract = contract
        self.training = False

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Runs the graph."""
        results = self.graph_module(*[inputs[spec.name] for spec in self.contract.inputs])
        names = [spec.name for spec in self.contract.outputs]
        return dict(zip(names, pytree.tree_leaves(results), strict=True))
