"""Transposed convolutions as convolutions whose results are rearranged."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.graph.rewrites.shuffle_transposed import shuffle_transposed
from tests.graph.rewrites.captured import graph_of, operators
from tests.rounding import TOLERANCES, assert_same


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def rewritten(module: nn.Module, dtype: torch.dtype = torch.float64) -> list[str]:
    """Rewrites a module for (1, 4, 5, 7), compares the results, and names the operators that are left."""
    x = torch.randn(1, 4, 5, 7, dtype=dtype)
    graph = graph_of(module.to(dtype), x)
    shuffle_transposed(graph)
    assert_same(graph(x), module(x))
    return operators(graph)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(4, 2, 1), (2, 2, 0), (4, 2, 0), (6, 3, 2), (6, 2, 2), (8, 4, 2)]
)
def test_it_becomes_a_convolution_of_blocks(kernel, stride, padding, bias, dtype) -> None:
    torch.manual_seed(0)
    left = rewritten(nn.ConvTranspose2d(4, 3, kernel, stride, padding, bias=bias), dtype)
    assert left[:2] == ["aten.conv2d.default", "aten.pixel_shuffle.default"]
    assert left[2:] == (["aten.slice.Tensor"] * 2 if padding else [])


def test_a_rectifier_behind_comes_before_the_shuffle() -> None:
    torch.manual_seed(0)
    left = rewritten(nn.Sequential(nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.ReLU()))
    assert left[:3] == ["aten.conv2d.default", "aten.relu.default", "aten.pixel_shuffle.default"]


class Branching(nn.Module):
    """What the rectifier takes is needed too."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 3, 2, 2)

    def forward(self, x):
        y = self.up(x)
        return torch.relu(y) + y


def test_a_rectifier_of_a_shared_result_stays_behind() -> None:
    torch.manual_seed(0)
    left = rewritten(Branching())
    assert left.index("aten.pixel_shuffle.default") < left.index("aten.relu.default")


@pytest.mark.parametrize(
    "module",
    [
        nn.ConvTranspose2d(4, 3, 3, 2, 1),
        nn.ConvTranspose2d(4, 3, 4, 2, 1, output_padding=1),
        nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2),
        nn.ConvTranspose2d(4, 3, 4, 2, 1, dilation=2),
        nn.ConvTranspose2d(4, 3, (4, 2), 2),
        nn.ConvTranspose2d(4, 3, 4, (2, 4)),
        nn.ConvTranspose2d(4, 3, 3, 1),
    ],
    ids=["no whole strides", "longer", "groups", "dilated", "two kernels", "two strides", "no stride"],
)
def test_what_has_no_such_blocks_stays(module) -> None:
    assert any("conv_transpose" in name for name in rewritten(module))
