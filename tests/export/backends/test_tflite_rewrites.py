from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends.tflite.rewrites import rewrite_biases, rewrite_products
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


class Products(nn.Module):
    """Products with a transposed matrix: with the longer side left, right, and seen without its batch."""

    def forward(self, few, many, seen):
        scores, swapped = few @ many.transpose(-2, -1), many @ few.transpose(-2, -1)
        return scores, swapped, few @ seen.transpose(-2, -1).unsqueeze(1)


def product_shapes(graph):
    """Shapes of both sides of every matrix product of a graph, by tracing it anew."""
    found = [node for node in graph.graph.nodes if node.target is torch.ops.aten.matmul.default]
    return [tuple(tuple(each.meta["val"].shape) for each in node.args) for node in found]


def test_single_products_with_a_transposed_matrix_become_two():
    """Rows of the longer side are halved: every element is the same sum."""
    spec = {"dtype": "float32", "layout": "", "value_range": None, "meaning": "anything"}
    shapes = {"few": (1, 1, 3, 8), "many": (1, 1, 10, 8), "seen": (1, 6, 8)}
    outputs = {"scores": (1, 1, 3, 10), "swapped": (1, 1, 10, 3), "seen_scores": (1, 1, 3, 6)}
    contract = GraphContract(
        graph="products",
        inputs=tuple(TensorSpec(name=name, shape=shape, **spec) for name, shape in shapes.items()),
        outputs=tuple(TensorSpec(name=name, shape=shape, **spec) for name, shape in outputs.items()),
    )
    graph = trace(Products(), contract).module(check_guards=False)
    rewrite_products(graph)
    torch.manual_seed(0)
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes.values()]
    for ours, theirs in zip(graph(*inputs), Products()(*inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-14)
    inputs = [torch.randn(shape) for shape in shapes.values()]
    again = trace(graph, contract).module(check_guards=False)
    assert product_shapes(again) == [
        ((2, 5, 8), (2, 8, 3)),
        ((2, 5, 8), (2, 8, 3)),
        ((2, 3, 8), (2, 8, 3)),
    ]
