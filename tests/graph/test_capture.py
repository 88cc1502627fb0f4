from __future__ import annotations

import msgspec
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import ExportError
from rapsam.graph.capture import capture, example_tensors
from tests.export.probe_network import probe_contract, probe_network


def spec(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(
        name=name, shape=shape, dtype="float32", layout="NC", value_range=None, meaning="anything"
    )


def contract(inputs: list[TensorSpec], outputs: list[TensorSpec]) -> GraphContract:
    return GraphContract(graph="small", inputs=tuple(inputs), outputs=tuple(outputs))


class Twice(nn.Module):
    def forward(self, x):
        return x + x, x * x


def test_a_captured_graph_computes_what_the_module_computes_in_evaluation_mode() -> None:
    network, examples = probe_network(), example_tensors(probe_contract(), seed=5)
    program = capture(network, probe_contract())
    with torch.no_grad():
        expected = network.eval()(*examples)
        results = program.module()(*examples)
    for result, value in zip(results, expected, strict=True):
        torch.testing.assert_close(result, value, rtol=1e-5, atol=1e-5)


def test_capturing_leaves_the_module_as_it_was() -> None:
    network = probe_network()
    network.stem[0].eval()
    modes = {name: part.training for name, part in network.named_modules()}
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    capture(network, probe_contract())
    assert {name: part.training for name, part in network.named_modules()} == modes
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_a_single_output_may_come_without_a_tuple() -> None:
    program = capture(nn.Linear(3, 2), contract([spec("x", 1, 3)], [spec("y", 1, 2)]))
    assert program.module()(torch.ones(1, 3)).shape == (1, 2)


def test_one_tensor_may_be_two_outputs() -> None:
    class Same(nn.Module):
        def forward(self, x):
            y = x + 1
            return y, y

    program = capture(Same(), contract([spec("x", 1, 3)], [spec("a", 1, 3), spec("b", 1, 3)]))
    assert len(program.module()(torch.ones(1, 3))) == 2


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([spec("sum", 1, 3)], r"returns 2 tensors; its contract declares \['sum'\]"),
        (
            [spec("sum", 1, 3), spec("square", 3, 1)],
            r"'square' .* is float32 \[1, 3\].* declares float32 \[3, 1\]",
        ),
    ],
)
def test_outputs_that_are_not_those_of_the_contract_are_refused(outputs, message) -> None:
    with pytest.raises(ExportError, match=message):
        capture(Twice(), contract([spec("x", 1, 3)], outputs))


def test_outputs_of_another_dtype_are_refused() -> None:
    class Whole(nn.Module):
        def forward(self, x):
            return x.to(torch.int64)

    with pytest.raises(ExportError, match="is int64"):
        capture(Whole(), contract([spec("x", 1, 3)], [spec("y", 1, 3)]))


def test_a_module_that_cannot_be_traced_gives_one_line() -> None:
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ExportError, match="PyTorch cannot capture graph 'small'") as caught:
        capture(Branching(), contract([spec("x", 1, 3)], [spec("y", 1, 3)]))
    assert "\n" not in str(caught.value)


def test_inputs_of_a_wrong_shape_are_an_export_error() -> None:
    with pytest.raises(ExportError, match="cannot capture"):
        capture(nn.Linear(3, 2), contract([spec("x", 1, 4)], [spec("y", 1, 2)]))


def test_what_depends_on_weights_alone_is_computed_once() -> None:
    class Constants(nn.Module):
        def __init__(self):
            super().__init__()
            self.packed = nn.Parameter(torch.randn(6, 3))
            self.register_buffer("unused", torch.zeros(1000))

        def forward(self, x):
            first, second = self.packed.chunk(2)
            steps = torch.arange(3, dtype=torch.float32)
            return nn.functional.linear(x * steps, first.exp()) + second.sum(0).expand(4, 3)

    module = Constants()
    program = capture(module, contract([spec("x", 4, 3)], [spec("y", 4, 3)]))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls == [torch.ops.aten.mul.Tensor, torch.ops.aten.linear.default, torch.ops.aten.add.Tensor]
    assert not any(tensor.numel() == 1000 for tensor in program.state_dict.values())
    x = torch.randn(4, 3)
    assert torch.equal(program.module()(x), module(x))


def test_a_folded_constant_is_stored_without_what_it_was_cut_from() -> None:
    class Corner(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.randn(100, 100))

        def forward(self, x):
            return x + self.table[:1, :3]

    program = capture(Corner(), contract([spec("x", 1, 3)], [spec("y", 1, 3)]))
    stored = [*program.state_dict.values(), *program.constants.values()]
    assert [tensor.untyped_storage().nbytes() for tensor in stored] == [12]


def test_an_unknown_contract_dtype_is_refused() -> None:
    halved = msgspec.structs.replace(spec("y", 1, 2), dtype="float16")
    with pytest.raises(ExportError, match="declares float16"):
        capture(nn.Linear(3, 2), contract([spec("x", 1, 3)], [halved]))
