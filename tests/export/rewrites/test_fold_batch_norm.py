from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.capture import capture
from rapsam.export.macs import count_macs


def contract(*shape: int, outputs: tuple[int, ...]) -> GraphContract:
    def spec(name: str, sides: tuple[int, ...]) -> TensorSpec:
        return TensorSpec(
            name=name, shape=sides, dtype="float32", layout="NCHW", value_range=None, meaning="anything"
        )

    return GraphContract(graph="small", inputs=(spec("x", shape),), outputs=(spec("y", outputs),))


def norm(channels: int, **options: bool) -> nn.BatchNorm2d:
    made = nn.BatchNorm2d(channels, eps=1e-2, **options)
    made.running_mean.normal_()
    made.running_var.uniform_(0.2, 3.0)
    if made.affine:
        nn.init.normal_(made.weight)
        nn.init.normal_(made.bias)
    return made


def targets(program: torch.export.ExportedProgram) -> list[str]:
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("conv", "outputs"),
    [
        (lambda bias: nn.Conv2d(4, 6, 3, 2, 1, bias=bias), (1, 6, 4, 5)),
        (lambda bias: nn.Conv2d(4, 8, 3, groups=2, bias=bias), (1, 8, 6, 8)),
        (lambda bias: nn.ConvTranspose2d(4, 6, 4, 2, 1, bias=bias), (1, 6, 16, 20)),
    ],
    ids=["plain", "grouped", "transposed"],
)
def test_norms_after_convolutions_go(conv, outputs, bias, affine):
    torch.manual_seed(0)
    layer = conv(bias)
    module = nn.Sequential(layer, norm(outputs[1], affine=affine), nn.ReLU()).eval()
    program = capture(module, contract(1, 4, 8, 10, outputs=outputs))
    assert not [name for name in targets(program) if "batch_norm" in name]
    x = torch.randn(1, 4, 8, 10)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(x), module(x), rtol=1e-5, atol=1e-5)


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


@pytest.mark.parametrize("make", [Branching, NormFirst])
def test_norms_that_cannot_be_folded_stay(make):
    torch.manual_seed(0)
    module = make().eval()
    program = capture(module, contract(1, 4, 8, 10, outputs=(1, 4, 8, 10)))
    assert [name for name in targets(program) if "batch_norm" in name]
    x = torch.randn(1, 4, 8, 10)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(x), module(x), rtol=1e-5, atol=1e-5)


def test_folding_leaves_the_module_alone():
    module = nn.Sequential(nn.Conv2d(4, 4, 1), norm(4)).eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    capture(module, contract(1, 4, 8, 10, outputs=(1, 4, 8, 10)))
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())


def test_multiply_adds_are_counted():
    module = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.Flatten(2), nn.Linear(80, 7))
    small = contract(1, 4, 8, 10, outputs=(1, 6, 7))
    assert count_macs(module, small) == 80 * 4 * 6 * 9 + 6 * 80 * 7
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}
