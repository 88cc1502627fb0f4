"""The deployable deformable convolutions against the trainable one, which is the definition."""

from __future__ import annotations

import pytest
import torch

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from rapsam.models.rapsam.deform_conv import DeformConv2d
from rapsam.models.rapsam.rewrites.deform_grid import GridDeformConv2d
from rapsam.models.rapsam.rewrites.deform_rows import RowGatherDeformConv2d
from tests.rounding import TOLERANCES, assert_same

SIZE = (6, 9)
SPREADS = (0.0, 0.3, 2.0, 30.0, 1e6)
each_form = pytest.mark.parametrize("form", [RowGatherDeformConv2d, GridDeformConv2d])
each_dtype = pytest.mark.parametrize("dtype", TOLERANCES)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def assert_defined(form, offsets, modulation, *, bias=None):
    """Compares a form with the definition, in the dtype of the offsets."""
    torch.manual_seed(0)
    dtype = offsets.dtype
    source = DeformConv2d(4, 3).to(dtype)
    x = torch.randn(1, 4, *SIZE, dtype=dtype)
    expected = source(x, offsets, modulation)
    if bias is not None:
        expected = expected + bias.view(1, -1, 1, 1)
    assert_same(form(source.weight, bias, SIZE)(x, offsets, modulation), expected)


@each_form
@each_dtype
@pytest.mark.parametrize("spread", SPREADS)
def test_they_compute_the_definition_however_far_the_offsets_lead(spread, dtype, form) -> None:
    torch.manual_seed(1)
    offsets = spread * torch.randn(1, 18, *SIZE, dtype=dtype)
    assert_defined(form, offsets, torch.rand(1, 9, *SIZE, dtype=dtype))


@each_form
@each_dtype
@pytest.mark.parametrize("shift", [-10.0, -9.0, -7.0, -6.5, -1.0, -0.5, 0.5, 1.0, 5.5, 6.0, 9.0, 10.0])
def test_whole_and_half_steps_over_every_border(shift, dtype, form) -> None:
    offsets = torch.full((1, 18, *SIZE), shift, dtype=dtype)
    assert_defined(form, offsets, torch.ones(1, 9, *SIZE, dtype=dtype))


@each_form
@each_dtype
def test_the_bias_is_added(dtype, form) -> None:
    offsets, modulation = torch.zeros(1, 18, *SIZE, dtype=dtype), torch.ones(1, 9, *SIZE, dtype=dtype)
    assert_defined(form, offsets, modulation, bias=torch.arange(3, dtype=dtype))


def test_half_precision_finds_the_same_rows() -> None:
    torch.manual_seed(1)
    size = (40, 90)  # 9 * 3600 rows: far more than float16 could count
    source, x = DeformConv2d(4, 3), torch.randn(1, 4, *size)
    offsets, modulation = 8 * torch.randn(1, 18, *size).half(), torch.rand(1, 9, *size).half()
    deployed = RowGatherDeformConv2d(source.weight, None, size).half()
    result = deployed(x.half(), offsets, modulation).float()
    expected = source(x, offsets.float(), modulation.float())
    assert torch.nn.functional.cosine_similarity(result.flatten(), expected.flatten(), 0) > 0.99999


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # PyTorch's own use of its own class
def test_the_sampler_of_onnx_runtime_computes_the_definition(tmp_path) -> None:
    backend, recipe = BACKENDS["onnx"], RECIPES["onnx-fp32"]
    if reason := backend.unavailable():
        pytest.skip(reason)
    assert recipe.sampling == "grid"
    torch.manual_seed(0)
    source, bias, x = DeformConv2d(4, 3), torch.randn(3), torch.randn(1, 4, *SIZE)
    shapes = {"x": (1, 4, *SIZE), "offsets": (1, 18, *SIZE), "modulation": (1, 9, *SIZE)}
    contract = GraphContract(
        graph="deform",
        inputs=tuple(spec(name, shape) for name, shape in shapes.items()),
        outputs=(spec("y", (1, 3, *SIZE)),),
    )
    path = tmp_path / f"deform{backend.suffix}"
    form = GridDeformConv2d(source.weight, bias, SIZE)
    backend.lower(capture(form, contract), contract, recipe, path)
    runner = backend.load(path, contract)
    steps = [torch.full((1, 18, *SIZE), shift) for shift in (-10.0, -6.5, -1.0, -0.5, 5.5, 6.0, 9.0, 10.0)]
    for offsets in [*(spread * torch.randn(1, 18, *SIZE) for spread in SPREADS), *steps]:
        inputs = {"x": x, "offsets": offsets, "modulation": torch.rand(1, 9, *SIZE)}
        result = runner.run({name: tensor.numpy() for name, tensor in inputs.items()})["y"]
        assert_same(torch.from_numpy(result), source(*inputs.values()) + bias.view(1, -1, 1, 1))


def spec(name: str, shape: tuple[int, ...]) -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype="float32", layout="NCHW", value_range=None, meaning="any")
