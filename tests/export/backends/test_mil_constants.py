from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import BundleError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.coreml import emulation as coreml_emulation
from rapsam.graph.capture import capture
from tests.export.backends.one_op_programs import Case, run_saved

INPUTS, OUTPUTS = 64, 32


class Product(nn.Module):
    """Returns its weight when it is given the identity."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(INPUTS, OUTPUTS, bias=False)

    def forward(self, x):
        return self.linear(x)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The product for two versions of iOS, with its contract and its weight."""
    x, y = (
        TensorSpec(name=n, shape=shape, dtype="float32", layout="QC", value_range=None, meaning="any")
        for n, shape in (("x", (INPUTS, INPUTS)), ("y", (INPUTS, OUTPUTS)))
    )
    contract = GraphContract(graph="product", inputs=(x,), outputs=(y,))
    module = Product()
    folder = tmp_path_factory.mktemp("product")
    paths = {}
    for ios in (16, 18):
        paths[ios] = folder / f"ios{ios}.mlpackage"
        recipe = RECIPES[f"coreml-fp32-ios{ios}"]
        find_backend("coreml").lower(capture(module, contract), contract, recipe, paths[ios])
    return paths, contract, module.linear.weight.detach().numpy()


@pytest.fixture
def decoded(packages, tmp_path):
    """Compresses the product in steps, saves it, and gives the weight that the emulation uses."""
    import coremltools

    paths, contract, weight = packages

    def decode(ios, *steps):
        model = coremltools.models.MLModel(str(paths[ios]), skip_model_load=True)
        for step in steps:
            model = step(model)
        path = tmp_path / "compressed.mlpackage"
        model.save(str(path))
        kinds = {op.type for op in _operations(model.get_spec())}
        result = coreml_emulation.load(path, contract).run({"x": np.eye(INPUTS, dtype=np.float32)})["y"].T
        return weight, result, {kind for kind in kinds if kind.startswith("constexpr_")}

    return decode


def _operations(spec):
    function = spec.mlProgram.functions["main"]
    return function.block_specializations[function.opset].operations


def _optimised(verb, **options):
    def step(model):
        import coremltools.optimize.coreml as optimize

        configs = {
            "linear_quantize_weights": optimize.OpLinearQuantizerConfig,
            "palettize_weights": optimize.OpPalettizerConfig,
            "prune_weights": optimize.OpMagnitudePrunerConfig,
        }
        joint = options.pop("joint_compression", False)
        settings = configs[verb](**options, weight_threshold=0)
        extra = {"joint_compression": True} if joint else {}
        return getattr(optimize, verb)(model, optimize.OptimizationConfig(settings), **extra)

    return step


def quantised(**options):
    return _optimised("linear_quantize_weights", mode="linear_symmetric", **options)


def palettised(nbits, **options):
    return _optimised("palettize_weights", mode="kmeans", nbits=nbits, **options)


def pruned(**options):
    return _optimised("prune_weights", target_sparsity=0.5, **options)


def magnitude_pruned(weight):
    return np.where(np.abs(weight) >= np.quantile(np.abs(weight), 0.5), weight, 0)


@pytest.mark.parametrize("ios", [16, 18])
def test_eight_bits_per_channel(decoded, ios) -> None:
    weight, result, kinds = decoded(ios, quantised(dtype="int8"))
    assert kinds == {{16: "constexpr_affine_dequantize", 18: "constexpr_blockwise_shift_scale"}[ios]}
    step = np.abs(weight).max(1, keepdims=True) / 127
    np.testing.assert_allclose(result, np.rint(weight / step) * step, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("ios", [16, 18])
def test_eight_bits_with_a_zero_point(decoded, ios) -> None:
    step = _optimised("linear_quantize_weights", mode="linear", dtype="uint8")
    weight, result, _ = decoded(ios, step)
    low, high = np.minimum(weight.min(1), 0), np.maximum(weight.max(1), 0)
    steps = ((high - low) / 255)[:, None]
    assert np.abs(result - weight).max() <= steps.max()
    levels = result / steps
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)


def test_four_bits_in_blocks_of_32(decoded) -> None:
    weight, result, kinds = decoded(18, quantised(dtype="int4", granularity="per_block", block_size=32))
    assert kinds == {"constexpr_blockwise_shift_scale"}
    blocks = weight.reshape(OUTPUTS, 2, 32)
    step = np.abs(blocks).max(2, keepdims=True) / 7
    expected = (np.clip(np.rint(blocks / step), -8, 7) * step).reshape(OUTPUTS, INPUTS)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("ios", "nbits"), [(16, 1), (16, 4), (16, 6), (16, 8), (18, 3), (18, 4), (18, 6), (18, 8)]
)
def test_palettes(decoded, ios, nbits) -> None:
    weight, result, kinds = decoded(ios, palettised(nbits))
    assert kinds == {"constexpr_lut_to_dense"}
    palette = np.unique(result)
    assert len(palette) <= 2**nbits
    # Every weight became the nearest entry (but for a few at the last step of k-means), and every entry is
    # the mean of its weights.
    nearest = palette[np.abs(weight[..., None] - palette).argmin(-1)]
    assert (result == nearest).mean() > 0.998
    means = [weight[result == entry].mean() for entry in palette]
    np.testing.assert_allclose(palette, means, atol=2e-3)


@pytest.mark.parametrize("ios", [16, 18])
def test_pruned_weights(decoded, ios) -> None:
    weight, result, kinds = decoded(ios, pruned())
    assert kinds == {"constexpr_sparse_to_dense"}
    np.testing.assert_array_equal(result, magnitude_pruned(weight))


def test_pruned_then_palettised(decoded) -> None:
    weight, result, kinds = decoded(18, pruned(), palettised(4, joint_compression=True))
    assert kinds == {"constexpr_lut_to_sparse", "constexpr_sparse_to_dense"}
    kept = magnitude_pruned(weight)
    assert np.array_equal(result == 0, kept == 0)
    assert len(np.unique(result[result != 0])) <= 16
    assert np.abs(result - kept).max() < 0.25 * np.abs(weight).max()


def test_pruned_then_quantised(decoded) -> None:
    weight, result, kinds = decoded(18, pruned(), quantised(dtype="int8", joint_compression=True))
    assert kinds == {"constexpr_sparse_blockwise_shift_scale", "constexpr_sparse_to_dense"}
    kept = magnitude_pruned(weight)
    step = np.abs(kept).max(1, keepdims=True) / 127
    np.testing.assert_allclose(result, np.rint(kept / step) * step, rtol=1e-5, atol=1e-7)


def test_a_palette_that_is_quantised_itself(decoded) -> None:
    per_tensor = quantised(dtype="int8", granularity="per_tensor", joint_compression=True)
    weight, coarse, _ = decoded(18, palettised(4))
    _, result, kinds = decoded(18, palettised(4), per_tensor)
    assert kinds == {"constexpr_blockwise_shift_scale", "constexpr_lut_to_dense"}
    assert 0 < np.abs(result - coarse).max() <= np.abs(coarse).max() / 127
    assert np.abs(result - weight).max() < np.abs(weight).max()


def test_weights_stored_in_half_precision(tmp_path) -> None:
    half = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float16)
    case = Case(
        lambda mb, dtype, x: mb.linear(x=x, weight=mb.constexpr_cast(source_val=half, output_dtype="fp32")),  # noqa: ARG005
        lambda x: x @ torch.from_numpy(half).float().T,
        {"x": np.eye(8, dtype=np.float32)},
    )
    np.testing.assert_array_equal(
        run_saved({"y": case}, 17, "fp32", tmp_path)["y"], half.T.astype(np.float32)
    )


def test_weights_that_are_cut_off_are_refused(packages, tmp_path) -> None:
    import coremltools

    paths, contract, _ = packages
    model = palettised(8)(coremltools.models.MLModel(str(paths[16]), skip_model_load=True))
    path = tmp_path / "cut.mlpackage"
    model.save(str(path))
    weights = next(path.glob("Data/*/weights/weight.bin"))
    weights.write_bytes(weights.read_bytes()[:256])
    with pytest.raises(BundleError, match="cut"):
        coreml_emulation.load(path, contract)
