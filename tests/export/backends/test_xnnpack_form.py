from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import fx, nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends.executorch.xnnpack_form import xnnpack_form
from rapsam.export.backends.tflite.rewrites import hard_mask as hard_mask_of_litert
from rapsam.graph.capture import trace

_aten = torch.ops.aten
# PyTorch's own use of its own deprecated class.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


class HardMask(nn.Module):
    def forward(self, x):
        return (x > 0).to(x.dtype)


class Products(nn.Module):
    """Matrices, batches of them, and one that a weight makes a linear layer."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6, bias=False)

    def forward(self, x):
        flat = x.flatten(0, 2)
        return x @ x.transpose(-1, -2) @ x + (flat @ flat.t() @ flat).view(x.shape) + self.linear(x)


class Parts(nn.Module):
    def forward(self, x):
        a, b, c = x.chunk(3, dim=-1)
        d, e = x.split([2, 4], dim=-1)
        return torch.cat([c, b, a], -1) + torch.cat([e, d], -1) + torch.cat(x.split(4, dim=-1)[::-1], -1)


class Norms(nn.Module):
    """Layer norms with and without weights; one is over two axes, which is left alone."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6, eps=0.1)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)

    def forward(self, x):
        return self.norm(x) + nn.functional.layer_norm(x, (6,)) + nn.functional.layer_norm(x, (3, 6))


class Rows(nn.Module):
    """Rows 0 to 5 of a table of six, numbered in integers that are made of whole or of any floats."""

    def __init__(self, *, whole=True):
        super().__init__()
        self.whole = whole
        self.register_buffer("first", torch.tensor([[0, 1, 2]], dtype=torch.int32))

    def forward(self, x):
        table = x.reshape(6, 6) * 2
        column = table.narrow(1, 0, 1)
        positions = torch.clamp(torch.floor(column) if self.whole else column, 0, 1)
        numbers = torch.cat([positions, positions]).narrow(0, 0, 6).to(torch.int32) * 3 + self.first
        return torch.index_select(table, 0, numbers.reshape(-1)).narrow(0, 0, 6).reshape(x.shape)


def contract_of(*shape: int, dtype: str = "float32") -> GraphContract:
    tensor = TensorSpec(name="x", shape=shape, dtype=dtype, layout="NCHW", value_range=None, meaning="any")
    return GraphContract(graph="small", inputs=(tensor,), outputs=(tensor,))


def targets(program):
    return {node.target for node in program.graph.nodes if node.op == "call_function"}


@pytest.mark.parametrize("module", [HardMask(), Products(), Parts(), Norms(), Rows()])
def test_the_form_computes_the_same(module) -> None:
    contract = contract_of(1, 2, 3, 6)
    program = xnnpack_form(trace(module, contract), contract)
    x = torch.randn(1, 2, 3, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(program.module()(x), module(x))


def test_row_numbers_that_a_cast_makes_whole_are_cut_before_they_are_added() -> None:
    contract, module = contract_of(1, 2, 3, 6), Rows(whole=False)
    program = xnnpack_form(trace(module, contract), contract)
    x = torch.arange(36.0).reshape(1, 2, 3, 6)
    x[..., 0] = 0.45  # twice that is row 0, and three times 0.9 is row 2
    assert torch.equal(program.module()(x), module(x))


def test_only_operators_that_xnnpack_takes_are_left() -> None:
    contract = contract_of(1, 2, 3, 6)
    left = set().union(
        *(targets(xnnpack_form(trace(m, contract), contract)) for m in (HardMask(), Products(), Parts()))
    )
    assert not left & {_aten.gt.Scalar, _aten.matmul.default, _aten.mm.default, _aten.expand.default}
    assert not left & {_aten.chunk.default, _aten.split.Tensor, _aten.split_with_sizes.default}
    assert {_aten.clamp.default, _aten.bmm.default, _aten.linear.default} <= left


@given(st.lists(st.floats(width=32, allow_nan=False, allow_subnormal=False), min_size=4, max_size=4))
def test_hard_masks_are_exact_for_every_normal_float32(values) -> None:
    assert_hard_mask_is_exact(torch.tensor([values], dtype=torch.float32))


@given(st.lists(st.floats(width=16, allow_nan=False), min_size=4, max_size=4))
def test_hard_masks_are_exact_for_every_float16(values) -> None:
    assert_hard_mask_is_exact(torch.tensor([values], dtype=torch.float16))


@given(st.lists(st.floats(width=16, allow_nan=False), min_size=4, max_size=4))
def test_hard_masks_of_litert_are_exact_in_float16(values) -> None:
    x = torch.tensor(values, dtype=torch.float16)
    assert torch.equal(hard_mask_of_litert(x), (x > 0).to(x.dtype))


def test_hard_masks_of_litert_have_constants_that_float16_knows() -> None:
    """Where a delegate makes one infinite, its product with 0 is no number."""
    graph = fx.symbolic_trace(hard_mask_of_litert).graph
    constants = [value for node in graph.nodes for value in node.args if isinstance(value, int | float)]
    assert 1 < max(constants) <= torch.finfo(torch.float16).max


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=4, max_size=4))
def test_hard_masks_of_litert_are_exact_for_logits_that_are_not_all_but_zero(values) -> None:
    x = torch.tensor([value for value in values if not 0 < value < 1e-9], dtype=torch.float32)
    assert torch.equal(hard_mask_of_litert(x), (x > 0).to(x.dtype))


def assert_hard_mask_is_exact(x: torch.Tensor) -> None:
    result = hard_mask(x.dtype)(x)
    assert np.array_equal(result.numpy(), (x > 0).to(x.dtype).numpy())


@functools.cache
def hard_mask(dtype: torch.dtype):
    class Module(nn.Module):
        def forward(self, x):
            return HardMask()(x.to(dtype)).float()

    contract = contract_of(1, 4)
    module = xnnpack_form(trace(Module(), contract), contract).module()
    return lambda x: module(x.float()).to(dtype)


def test_row_numbers_are_floats_up_to_the_gather() -> None:
    contract = contract_of(1, 2, 3, 6)
    program = xnnpack_form(trace(Rows(), contract), contract)
    whole = [
        n for n in program.graph.nodes if n.op == "call_function" and not n.meta["val"].is_floating_point()
    ]
    assert len(whole) == 1
    (user,) = whole[0].users
    assert user.target is _aten.index_select.default


def test_a_layer_norm_over_the_last_axis_is_written_in_arithmetic() -> None:
    contract = contract_of(1, 2, 3, 6)
    program = xnnpack_form(trace(Norms(), contract), contract)
    norms = [node for node in program.graph.nodes if node.target is _aten.layer_norm.default]
    assert len(norms) == 1
    assert norms[0].args[1] == [3, 6]


def test_masks_that_are_no_numbers_of_the_same_kind_are_left_alone() -> None:
    class Other(nn.Module):
        def forward(self, x):
            return (x > 0.5).to(x.dtype) + (x > 0).to(torch.int32)

    contract = contract_of(1, 4)
    program = xnnpack_form(trace(Other(), contract), contract)
    assert _aten.gt.Scalar in targets(program)
    x = torch.tensor([[0.6, 0.4, -1.0, 0.5]])
    assert torch.equal(program.module()(x), Other()(x))
