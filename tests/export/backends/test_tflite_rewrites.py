from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends.tflite.rewrites import rewrite_biases
from rapsam.graph.capture import trace

# PyTorch's own use of its own deprecated class.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


class Shifted(nn.Module):
    """A linear layer plus a constant vector, times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.shift = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
        self.factor = factor

    def forward(self, x):
        return torch.add(self.linear(x), self.shift, alpha=self.factor)


@pytest.mark.parametrize(("factor", "sums_left"), [(1, 0), (2, 1)])
def test_a_vector_goes_into_the_bias_unless_it_is_scaled(factor, sums_left):
    spec = {"dtype": "float32", "layout": "", "value_range": None, "meaning": "anything"}
    contract = GraphContract(
        graph="shifted",
        inputs=(TensorSpec(name="x", shape=(2, 4), **spec),),
        outputs=(TensorSpec(name="y", shape=(2, 3), **spec),),
    )
    module = Shifted(factor)
    graph = trace(module, contract).module(check_guards=False)
    rewrite_biases(graph)
    sums = [node for node in graph.graph.nodes if node.target is torch.ops.aten.add.Tensor]
    assert len(sums) == sums_left
    x = torch.arange(8.0).reshape(2, 4)
    torch.testing.assert_close(graph(x), module(x))
