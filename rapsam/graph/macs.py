"""Counting multiply-adds, the unit in which the cost of a graph is told."""

from __future__ import annotations

import copy
import warnings

import torch
from torch import nn
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
    with warnings.catch_warnings():
        # PyTorch's own use of its own deprecated class, in captured graphs.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        shadow = copy.deepcopy(module).to("meta").requires_grad_(False)
    inputs = [torch.empty(spec.shape, device="meta") for spec in contract.inputs]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(*inputs)
    return int(counter.get_total_flops()) // 2
