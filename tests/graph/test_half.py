from __future__ import annotations

import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.capture import capture, example_tensors
from rapsam.graph.half import half_precision
from rapsam.models.rapsam.rewrites.deform_grid import GridDeformConv2d
from tests.export.probe_network import probe_contract, probe_network

_aten = torch.ops.aten


def small(module: nn.Module, *shape: int):
    tensor = TensorSpec(name="x", shape=shape, dtype="float32", layout="NC", value_range=None, meaning="any")
    contract = GraphContract(graph="small", inputs=(tensor,), outputs=(tensor,))
    return capture(module, contract), contract


def dtypes(program, target):
    return [node.meta["val"].dtype for node in program.graph.nodes if node.target is target]


def test_half_precision_is_near_and_not_the_same() -> None:
    contract = probe_contract()
    program = capture(probe_network(), contract)
    examples = example_tensors(contract)
    with torch.no_grad():
        full, half = program.module()(*examples), half_precision(program, contract).module()(*examples)
    errors = [float((a - b).abs().max()) for a, b in zip(full, half, strict=True)]
    assert all(b.dtype == torch.float32 for b in half)
    assert 5e-5 < max(errors) < 5e-3


def test_weights_and_heavy_operators_are_half_and_integers_stay() -> None:
    contract = probe_contract()
    program = half_precision(capture(probe_network(), contract), contract)
    for target in (_aten.conv2d.default, _aten.linear.default, _aten.matmul.default, _aten.softmax.int):
        assert set(dtypes(program, target)) == {torch.float16}
    assert set(dtypes(program, _aten.clamp.default)) == {torch.int32}
    floats = [t for t in program.state_dict.values() if t.is_floating_point() and t.dim() >= 2]
    assert sum(t.dtype == torch.float16 for t in floats) >= 10


def test_the_program_that_it_comes_from_is_not_changed() -> None:
    contract = probe_contract()
    program = capture(probe_network(), contract)
    before = {name: tensor.clone() for name, tensor in program.state_dict.items()}
    half_precision(program, contract)
    assert program.state_dict.keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in program.state_dict.items())
    assert {tensor.dtype for tensor in before.values()} <= {torch.float32, torch.int32}


def test_what_is_left_of_an_input_less_a_constant_is_not_rounded_twice() -> None:
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.tensor(123.675))

        def forward(self, x):
            return nn.functional.layer_norm((x - self.mean) * 2, (64,))

    program, contract = small(Centred(), 4, 64)
    x = 123.675 + 0.4 * torch.rand(4, 64)
    (half,) = half_precision(program, contract).module()(x)
    assert (half - program.module()(x)).abs().max() < 2e-3


def test_large_angles_keep_their_waves() -> None:
    class Waves(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("frequency", torch.tensor(123.456))

        def forward(self, x):
            return torch.sin(x * self.frequency + 300.0)

    program, contract = small(Waves(), 1, 64)
    (x,) = example_tensors(contract)
    (half,) = half_precision(program, contract).module()(x)
    error = half - program.module()(x)
    assert error.abs().max() < 1e-6
    assert (torch.sin((x * 123.456 + 300).half()) - program.module()(x)).abs().max() > 0.1


def test_operators_keep_the_names_of_their_modules() -> None:
    contract = probe_contract()
    program = capture(probe_network(), contract)
    assert origins(half_precision(program, contract)) == origins(program) != set()


def origins(program) -> set[tuple[str, str]]:
    """Operators that compute or gather, with the module that they come from."""
    kinds = (_aten.conv2d.default, _aten.linear.default, _aten.matmul.default, _aten.index_select.default)
    nodes = [node for node in program.graph.nodes if node.target in kinds]
    return {(str(node.target), list(node.meta["nn_module_stack"].values())[-1][0]) for node in nodes}


def test_layer_norms_of_small_values_stay_exact() -> None:
    norm = nn.LayerNorm(64, eps=1e-10)
    program, contract = small(norm, 4, 64)
    x = (torch.randn(4, 64) * 1e-3).half().float()
    half = half_precision(program, contract)
    (result,) = half.module()(x)
    assert torch.allclose(result, norm(x), atol=5e-3)
    assert dtypes(half, _aten.layer_norm.default) == [torch.float32]


def test_comparisons_give_numbers_of_the_precision_around_them() -> None:
    class Mask(nn.Module):
        def forward(self, x):
            return (x > 0).to(torch.float32) @ x.t() @ x

    program, contract = small(Mask(), 8, 8)
    half = half_precision(program, contract)
    assert set(dtypes(half, _aten.matmul.default)) == {torch.float16}
    (x,) = example_tensors(contract)
    (result,) = half.module()(x)
    assert torch.allclose(result, program.module()(x), atol=0.1)


def test_positions_of_samples_stay_exact() -> None:
    class Sampler(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offset_conv = nn.Conv2d(2, 18, 1)
            self.sample = GridDeformConv2d(
                torch.eye(2)[:, :, None, None].expand(2, 2, 3, 3) / 9, None, (8, 96)
            )

        def forward(self, x):
            return self.sample(x, self.offset_conv(x), x.new_ones(1, 9, 8, 96))

    torch.manual_seed(0)
    program, contract = small(Sampler(), 1, 2, 8, 96)
    half = half_precision(program, contract)
    assert set(dtypes(half, _aten.grid_sampler.default)) == {torch.float32}
    assert set(dtypes(half, _aten.conv2d.default)) == {torch.float16}
    # A ramp shows by its values where it was read.
    ramp = torch.arange(96.0).expand(1, 2, 8, 96) / 96
    with torch.no_grad():
        full, halved = (torch.cat(list(p.module()(ramp))) for p in (program, half))
    error = (halved - full).abs()[..., 2:-2]
    assert error.max() < 2e-3
