from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.graph.rewrites.fold_constants import fold_constants
from tests.graph.rewrites.captured import graph_of, operators
from tests.rounding import TOLERANCES, assert_same


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


class Weights(nn.Module):
    """Holds `left` and `right`, both (4, 4)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = (nn.Parameter(torch.randn(4, 4)) for _ in range(2))


class Product(Weights):
    """A chain of constants, of which one part is used twice."""

    def forward(self, x):
        product = self.left @ self.right
        return x @ product + (product.exp() + 1).sum(0)


class Pieces(Weights):
    """A constant that is a list."""

    def forward(self, x):
        first, second = (self.left * 2).chunk(2)
        return x @ first.T @ second


class Made(Weights):
    """A constant out of nothing."""

    def forward(self, x):
        return x * torch.arange(4, dtype=x.dtype) @ self.left


class Beside(Weights):
    """A constant beside something computed."""

    def forward(self, x):
        return torch.stack([x @ self.left, self.left @ self.right])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    ("make", "left"),
    [
        (Product, ["aten.matmul.default", "aten.add.Tensor"]),
        (Pieces, ["aten.matmul.default"] * 2),
        (Made, ["aten.mul.Tensor", "aten.matmul.default"]),
        (Beside, ["aten.matmul.default", "aten.stack.default"]),
    ],
)
def test_only_what_depends_on_the_input_is_left(make, left, dtype):
    module, x = make().to(dtype), torch.randn(4, 4, dtype=dtype)
    graph = graph_of(module, x)
    fold_constants(graph)
    assert operators(graph) == left
    assert_same(graph(x), module(x))


def test_weights_that_are_used_up_are_dropped():
    module, x = Product(), torch.randn(3, 4)
    graph = graph_of(module, x)
    fold_constants(graph)
    state = dict(graph.named_parameters()) | dict(graph.named_buffers())
    assert sorted(tensor.shape for tensor in state.values()) == [(4,), (4, 4)]
    assert module.state_dict().keys() == {"left", "right"}


class Widened(nn.Module):
    """A constant that is one number, seen many times."""

    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.ones(1, 1))

    def forward(self, x):
        return x + (self.number * 2).expand(3, 4)


def test_constants_are_stored_with_a_memory_of_their_own():
    x = torch.randn(3, 4)
    graph = graph_of(Widened(), x)
    fold_constants(graph)
    (stored,) = graph.buffers()
    assert stored.is_contiguous()
    assert stored.untyped_storage().nbytes() == 3 * 4 * 4
    assert_same(graph(x), x + 2)
