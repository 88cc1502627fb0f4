from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.capture import capture
from rapsam.graph.rewrites.fold_batch_norm import fold_batch_norms
from tests.graph.rewrites.captured import graph_of, operators
from tests.rounding import TOLERANCES, assert_same


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def norm(channels: int, **options: bool) -> nn.BatchNorm2d:
    made = nn.BatchNorm2d(channels, eps=1e-2, **options)
    made.running_mean.normal_()
    made.running_var.uniform_(0.2, 3.0)
    if made.affine:
        nn.init.normal_(made.weight)
        nn.init.normal_(made.bias)
    return made


def norms_left(module: nn.Module, dtype: torch.dtype) -> int:
    """Folds the norms of a module for (1, 4, 8, 10), compares the results, counts the norms that stay."""
    x = torch.randn(1, 4, 8, 10, dtype=dtype)
    graph = graph_of(module.to(dtype), x)
    fold_batch_norms(graph)
    assert_same(graph(x), module(x))
    return sum("batch_norm" in name for name in operators(graph))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "conv",
    [
        lambda bias: nn.Conv2d(4, 6, 3, 2, 1, bias=bias),
        lambda bias: nn.Conv2d(4, 6, 3, groups=2, bias=bias),
        lambda bias: nn.ConvTranspose2d(4, 6, 4, 2, 1, bias=bias),
    ],
    ids=["plain", "grouped", "transposed"],
)
def test_norms_after_convolutions_go(conv, bias, affine, dtype):
    torch.manual_seed(0)
    assert norms_left(nn.Sequential(conv(bias), norm(6, affine=affine), nn.ReLU()), dtype) == 0


class Branching(nn.Module):
    """The convolution's own result is needed too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), norm(4)

    def forward(self, x):
        y = self.conv(x)
        return self.norm(y) + y


class NormFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), norm(4)

    def forward(self, x):
        return self.conv(self.norm(x).relu())


class GroupedTransposed(nn.Module):
    """Its weight has the outputs of one group only: they are not in one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2), norm(6)

    def forward(self, x):
        return self.norm(self.conv(x))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("make", [Branching, NormFirst, GroupedTransposed])
def test_norms_that_cannot_be_folded_stay(make, dtype):
    torch.manual_seed(0)
    assert norms_left(make(), dtype) == 1


@pytest.mark.parametrize("taken", ["folded_0", "folded_1"])
def test_buffers_that_have_a_name_of_ours_keep_their_content(taken):
    """As after an earlier fold, some of whose buffers were dropped again."""
    torch.manual_seed(0)

    class Named(nn.Sequential):
        def forward(self, x):
            return super().forward(x) + getattr(self, taken)

    module = Named(nn.Conv2d(4, 4, 1), norm(4))
    module.register_buffer(taken, torch.randn(1, 4, 1, 1))
    assert norms_left(module, torch.float32) == 0


def test_capturing_leaves_the_module_alone():
    module = nn.Sequential(nn.Conv2d(4, 4, 1), norm(4)).eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    x, y = (
        TensorSpec(
            name=name, shape=(1, 4, 8, 10), dtype="float32", layout="NCHW", value_range=None, meaning="any"
        )
        for name in "xy"
    )
    program = capture(module, GraphContract(graph="small", inputs=(x,), outputs=(y,)))
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())
    assert "aten.batch_norm.default" not in [str(node.target) for node in program.graph.nodes]
