"""What every operator of the emulation should compute, said in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from tests.export.backends.one_op_programs import Case, Inputs

_RNG = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return _RNG.uniform(0.5, 3.0, shape).astype(np.float32)


def unary(op: str, expected, x: np.ndarray | None = None, **attributes) -> Case:
    def build(mb, dtype, x):
        return getattr(mb, op)(x=x, **{k: _typed(v, dtype) for k, v in attributes.items()})

    return Case(build, expected, {"x": normal(1, 3, 6, 8) if x is None else x})


def binary(op: str, expected, x: np.ndarray | None = None, y: np.ndarray | None = None) -> Case:
    inputs = {"x": normal(2, 3, 4) if x is None else x, "y": normal(3, 1) if y is None else y}
    return Case(lambda mb, dtype, x, y: getattr(mb, op)(x=x, y=y), expected, inputs)  # noqa: ARG005


def logical(op: str, expected) -> Case:
    def build(mb, dtype, x, y):
        zero = dtype(0)
        return getattr(mb, op)(x=mb.greater(x=x, y=zero), y=mb.greater(x=y, y=zero))

    return Case(build, lambda x, y: expected(x > 0, y > 0), {"x": normal(2, 9), "y": normal(2, 9)})


def whole(op: str, expected) -> Case:
    """An operator on integers: the inputs are made whole by a cast, which cuts towards zero."""

    def build(mb, dtype, x):  # noqa: ARG001
        return getattr(mb, op)(x=mb.cast(x=x, dtype="int32"), y=np.int32(3))

    return Case(build, lambda x: expected(x.int()), {"x": 10 * normal(4, 5)})


def weighted(op: str, expected, weights: dict[str, np.ndarray], x: np.ndarray, **attributes) -> Case:
    """An operator with constant tensors; the half-precision program has them in half precision."""

    def build(mb, dtype, x):
        constants = {name: array.astype(dtype) for name, array in weights.items()}
        return getattr(mb, op)(x=x, **constants, **{k: _typed(v, dtype) for k, v in attributes.items()})

    return Case(
        build, lambda x: expected(x, **{k: torch.from_numpy(v) for k, v in weights.items()}), {"x": x}
    )


def half_exact(array: np.ndarray) -> np.ndarray:
    """Weights that float16 holds exactly, so that one expectation serves both precisions."""
    return array.astype(np.float16).astype(np.float32)


def _typed(value, dtype):
    return dtype(value) if isinstance(value, float) else value


def _gathered(mb, dtype, x):  # noqa: ARG001
    return mb.gather(x=x, indices=np.array([[2, 0], [-1, 1]], np.int32), axis=1)


def _gathered_by_computed_rows(mb, dtype, x, rows):  # noqa: ARG001
    return mb.gather(x=x, indices=mb.cast(x=rows, dtype="int32"), axis=0)


def _gathered_along(mb, dtype, x):  # noqa: ARG001
    indices = np.array([[0, 2, 1, -1], [1, 1, 0, 2], [2, 0, 0, 1]], np.int32)
    return mb.gather_along_axis(x=x, indices=indices, axis=0)


def resampled(**changes):
    def build(mb, dtype, x, grid):
        form = {
            "sampling_mode": "bilinear",
            "padding_mode": "constant",
            "padding_value": dtype(0),
            "coordinates_mode": "normalized_minus_one_to_one",
            "align_corners": False,
        }
        return mb.resample(x=x, coordinates=mb.cast(x=grid, dtype="fp32"), **{**form, **changes})

    grid = half_exact(normal(1, 5, 7, 2))
    aligned = changes.get("align_corners", False)
    return Case(
        build, lambda x, grid: F.grid_sample(x, grid, align_corners=aligned), {"x": _IMAGE, "grid": grid}
    )


def _attended(mb, dtype, q, k, v):  # noqa: ARG001
    return mb.scaled_dot_product_attention(query=q, key=k, value=v)


def _selected(mb, dtype, x, y):
    return mb.select(cond=mb.greater(x=x, y=dtype(0)), a=x, b=y)


def _joined(op: str, **attributes):
    return lambda mb, dtype, x, y: getattr(mb, op)(values=[x, y], **attributes)  # noqa: ARG005


def _last_part(op: str, **attributes):
    return lambda mb, dtype, x: getattr(mb, op)(x=x, **attributes)[-1]  # noqa: ARG005


_PAIR: Inputs = {"x": normal(2, 3, 4), "y": normal(2, 3, 4)}
_MAP = normal(1, 4, 9, 10)
_IMAGE = normal(1, 3, 6, 8)
_CONV = {"weight": half_exact(normal(6, 4, 3, 2)), "bias": half_exact(normal(6))}
_GROUPED = {"weight": half_exact(normal(6, 2, 3, 3))}
_TRANSPOSED = {"weight": half_exact(normal(4, 5, 4, 4)), "bias": half_exact(normal(5))}
_LINEAR = {"weight": half_exact(normal(5, 8)), "bias": half_exact(normal(5))}
_BATCH_NORM = {
    "mean": half_exact(normal(4)),
    "variance": half_exact(positive(4)),
    "gamma": half_exact(normal(4)),
    "beta": half_exact(normal(4)),
}
_LAYER_NORM = {"gamma": half_exact(normal(8)), "beta": half_exact(normal(8))}


# The part of a name before "/" is the operator.
def _rounded(output_dtype: str, zero_point: int | None = None):
    def build(mb, dtype, x):
        zero = {} if zero_point is None else {"zero_point": np.dtype(output_dtype).type(zero_point)}
        small = mb.quantize(input=x, scale=dtype(0.25), output_dtype=output_dtype, **zero)
        return mb.cast(x=small, dtype="fp32")

    return build


def _restored(mb, dtype, x):
    small = mb.quantize(input=x, scale=dtype(0.25), output_dtype="uint8", zero_point=np.uint8(9))
    return mb.dequantize(input=small, scale=dtype(0.5), zero_point=np.uint8(3))


def _restored_by_channel(mb, dtype, x):
    scale = np.array([0.25, 0.5, 2.0], dtype)
    small = mb.quantize(input=x, scale=scale, axis=1, output_dtype="int8")
    return mb.dequantize(input=small, scale=scale, axis=1)


def _by_channel(x: torch.Tensor) -> torch.Tensor:
    scale = torch.tensor([0.25, 0.5, 2.0]).reshape(1, 3, 1, 1)
    return (x / scale).round().clamp(-128, 127) * scale


_WIDE = 40 * normal(1, 3, 6, 8)
# Halves go to the even neighbour.
_HALVES = np.array([[-0.375, -0.125, 0.125, 0.375, 0.625, 40.0, -40.0]], np.float32)

CASES: dict[str, Case] = {
    "abs": unary("abs", torch.abs),
    "add": binary("add", torch.add),
    "add/integers": whole("add", lambda x: x + 3),
    "avg_pool": unary(
        "avg_pool",
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        kernel_sizes=[3, 3],
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        exclude_padding_from_average=True,
    ),
    "avg_pool/padding_counts": unary(
        "avg_pool",
        lambda x: F.avg_pool2d(x, 2, 2, 1),
        kernel_sizes=[2, 2],
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        exclude_padding_from_average=False,
    ),
    "batch_norm": weighted(
        "batch_norm",
        lambda x, mean, variance, gamma, beta: F.batch_norm(x, mean, variance, gamma, beta, eps=2**-10),
        _BATCH_NORM,
        _MAP,
        epsilon=2.0**-10,
    ),
    "cast": unary("cast", lambda x: x.int().float(), x=9 * normal(3, 7), dtype="int32"),
    "clip": unary("clip", lambda x: x.clamp(-0.5, 0.75), alpha=-0.5, beta=0.75),
    "concat": Case(_joined("concat", axis=1), lambda x, y: torch.cat([x, y], 1), _PAIR),
    "conv": weighted(
        "conv",
        lambda x, weight, bias: F.conv2d(F.pad(x, (0, 1, 2, 1)), weight, bias, (2, 1)),
        _CONV,
        _MAP,
        strides=[2, 1],
        pad_type="custom",
        pad=[2, 1, 0, 1],
    ),
    "conv/dilated_groups_without_bias": weighted(
        "conv",
        lambda x, weight: F.conv2d(x, weight, None, 1, 0, (1, 2), 2),
        _GROUPED,
        _MAP,
        dilations=[1, 2],
        groups=2,
        pad_type="valid",
    ),
    "conv_transpose": weighted(
        "conv_transpose",
        lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, 2, 1),
        _TRANSPOSED,
        _MAP,
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
    ),
    "conv_transpose/with_output_shape": weighted(
        "conv_transpose",
        lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, 2, 1),
        _TRANSPOSED,
        _MAP,
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        output_shape=[1, 5, 18, 20],
    ),
    "cos": unary("cos", torch.cos),
    "dequantize": Case(
        _restored,
        lambda x: ((x / 0.25).round() + 9).clamp(0, 255).sub(3) * 0.5,
        {"x": _WIDE},
        since=17,
    ),
    "dequantize/by_channel": Case(_restored_by_channel, _by_channel, {"x": _WIDE}, since=17),
    "equal": binary("equal", torch.eq, np.float32([[1, 2, 3]]), np.float32([[1, 5, 3]])),
    "erf": unary("erf", torch.erf),
    "exp": unary("exp", torch.exp),
    "expand_dims": unary("expand_dims", lambda x: x[None, ..., None], x=normal(2, 3), axes=[0, -1]),
    "floor": unary("floor", torch.floor),
    "floor_div": whole("floor_div", lambda x: torch.div(x, 3, rounding_mode="floor")),
    "gather": Case(_gathered, lambda x: x[:, [[2, 0], [-1, 1]]], {"x": normal(2, 3, 4)}),
    "gather/computed_rows": Case(
        _gathered_by_computed_rows,
        lambda x, rows: x[rows.long()],
        {"x": normal(5, 4), "rows": np.float32([4, 0, 0, 2])},
    ),
    "gather_along_axis": Case(
        _gathered_along,
        lambda x: x.gather(0, torch.tensor([[0, 2, 1, 2], [1, 1, 0, 2], [2, 0, 0, 1]])),
        {"x": normal(3, 4)},
    ),
    "gelu": unary("gelu", F.gelu, mode="EXACT"),
    "gelu/tanh": unary("gelu", lambda x: F.gelu(x, approximate="tanh"), mode="TANH_APPROXIMATION"),
    "greater": binary("greater", torch.gt),
    "greater_equal": binary("greater_equal", torch.ge, np.float32([[1, 2, 3]]), np.float32([[1, 5, 2]])),
    "identity": unary("identity", lambda x: x),
    "layer_norm": weighted(
        "layer_norm",
        lambda x, gamma, beta: F.layer_norm(x, (8,), gamma, beta, 2**-10),
        _LAYER_NORM,
        _IMAGE,
        axes=[-1],
        epsilon=2.0**-10,
    ),
    "layer_norm/two_axes": unary(
        "layer_norm", lambda x: F.layer_norm(x, (6, 8), eps=2**-10), axes=[2, 3], epsilon=2.0**-10
    ),
    "less": binary("less", torch.lt),
    "less_equal": binary("less_equal", torch.le, np.float32([[1, 2, 3]]), np.float32([[1, 5, 2]])),
    "linear": weighted("linear", F.linear, _LINEAR, normal(2, 3, 8)),
    "log": unary("log", lambda x: torch.log(x + 2**-6), x=positive(2, 9), epsilon=2.0**-6),
    "logical_and": logical("logical_and", torch.logical_and),
    "logical_not": Case(
        lambda mb, dtype, x: mb.logical_not(x=mb.greater(x=x, y=dtype(0))),
        lambda x: x <= 0,
        {"x": normal(9, 2)},
    ),
    "logical_or": logical("logical_or", torch.logical_or),
    "matmul": Case(
        lambda mb, dtype, x, y: mb.matmul(x=x, y=y, transpose_y=True),  # noqa: ARG005
        lambda x, y: x @ y.mT,
        {"x": normal(2, 3, 8), "y": normal(2, 5, 8)},
    ),
    "matmul/left_transposed": Case(
        lambda mb, dtype, x, y: mb.matmul(x=x, y=y, transpose_x=True),  # noqa: ARG005
        lambda x, y: x.mT @ y,
        {"x": normal(8, 3), "y": normal(8, 5)},
    ),
    "max_pool": unary(
        "max_pool",
        lambda x: F.max_pool2d(x, 3, 2, 1),
        kernel_sizes=[3, 3],
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
    ),
    "maximum": binary("maximum", torch.maximum),
    "minimum": binary("minimum", torch.minimum),
    "mod": whole("mod", lambda x: torch.remainder(x, 3)),
    "mul": binary("mul", torch.mul),
    "not_equal": binary("not_equal", torch.ne, np.float32([[1, 2, 3]]), np.float32([[1, 5, 3]])),
    "pad": unary(
        "pad",
        lambda x: F.pad(x, (3, 4, 1, 2), value=0.5),
        pad=[1, 2, 3, 4],
        mode="constant",
        constant_val=0.5,
    ),
    "pad/reflect": unary(
        "pad",
        lambda x: F.pad(x, (3, 4, 1, 2), mode="reflect"),
        pad=[1, 2, 3, 4],
        mode="reflect",
        constant_val=0.0,
    ),
    "pad/replicate": unary(
        "pad",
        lambda x: F.pad(x, (3, 4, 1, 2), mode="replicate"),
        pad=[1, 2, 3, 4],
        mode="replicate",
        constant_val=0.0,
    ),
    "pixel_shuffle": unary(
        "pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), normal(2, 12, 3, 5), upscale_factor=2
    ),
    "pow": binary("pow", torch.pow, positive(2, 4), np.float32([[2, 3, 0.5, 1]])),
    "quantize": Case(
        _rounded("int8"), lambda x: (x / 0.25).round().clamp(-128, 127), {"x": _HALVES}, since=17
    ),
    "quantize/unsigned": Case(
        _rounded("uint8", 100), lambda x: ((x / 0.25).round() + 100).clamp(0, 255), {"x": _WIDE}, since=17
    ),
    "real_div": binary("real_div", torch.div, y=positive(3, 1)),
    "reduce_l2_norm": unary(
        "reduce_l2_norm", lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True), axes=[1], keep_dims=True
    ),
    "reduce_max": unary("reduce_max", lambda x: x.amax((1, 3)), axes=[1, -1], keep_dims=False),
    "reduce_mean": unary("reduce_mean", lambda x: x.mean(-1, True), axes=[-1], keep_dims=True),
    "reduce_min": unary("reduce_min", lambda x: x.amin(2), axes=[2], keep_dims=False),
    "reduce_sum": unary("reduce_sum", lambda x: x.sum((2, 3)), axes=[2, 3], keep_dims=False),
    "relu": unary("relu", torch.relu),
    "resample": resampled(),
    "resample/aligned_corners": resampled(align_corners=True),
    "reshape": unary("reshape", lambda x: x.reshape(3, 4, 12), shape=[3, -1, 12]),
    "reverse": unary("reverse", lambda x: x.flip(1, 3), axes=[1, 3]),
    "rsqrt": unary("rsqrt", lambda x: torch.rsqrt(x + 2**-6), x=positive(2, 9), epsilon=2.0**-6),
    "scaled_dot_product_attention": Case(
        _attended,
        lambda q, k, v: (q @ k.mT / 8**0.5).softmax(-1) @ v,
        {"q": normal(1, 2, 3, 8), "k": normal(1, 2, 5, 8), "v": normal(1, 2, 5, 8)},
        since=18,
    ),
    "select": Case(_selected, lambda x, y: torch.where(x > 0, x, y), _PAIR),
    "sigmoid": unary("sigmoid", torch.sigmoid),
    "silu": unary("silu", F.silu),
    "sin": unary("sin", torch.sin),
    "slice_by_index": unary(
        "slice_by_index",
        lambda x: x[:, 1:, ::2, -3:-1],
        begin=[0, 1, 0, -3],
        end=[1, 3, 6, -1],
        stride=[1, 1, 2, 1],
    ),
    "slice_by_index/masks": unary(
        "slice_by_index",
        lambda x: x[:, 2, :4, 5:],
        begin=[0, 2, 3, 5],
        end=[0, 0, 4, 0],
        begin_mask=[True, False, True, False],
        end_mask=[True, False, False, True],
        squeeze_mask=[False, True, False, False],
    ),
    "softmax": unary("softmax", lambda x: x.softmax(1), axis=1),
    "split": Case(_last_part("split", split_sizes=[1, 2, 5], axis=-1), lambda x: x[..., 3:], {"x": _IMAGE}),
    "split/equal_parts": Case(
        _last_part("split", num_splits=3, axis=2), lambda x: x[:, :, 4:], {"x": _IMAGE}
    ),
    "sqrt": unary("sqrt", torch.sqrt, x=positive(2, 9)),
    "square": unary("square", torch.square),
    "squeeze": unary("squeeze", lambda x: x.squeeze(2), x=normal(1, 3, 1, 4), axes=[2]),
    "stack": Case(_joined("stack", axis=1), lambda x, y: torch.stack([x, y], 1), _PAIR),
    "sub": binary("sub", torch.sub),
    "tanh": unary("tanh", torch.tanh),
    "tile": unary("tile", lambda x: x.repeat(2, 1, 3, 1), reps=[2, 1, 3, 1]),
    "transpose": unary("transpose", lambda x: x.permute(0, 2, 3, 1), perm=[0, 2, 3, 1]),
    "upsample_bilinear": unary(
        "upsample_bilinear",
        lambda x: F.interpolate(x, scale_factor=(2, 4), mode="bilinear"),
        scale_factor_height=2,
        scale_factor_width=4,
        align_corners=False,
    ),
    "upsample_bilinear/aligned_corners": unary(
        "upsample_bilinear",
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
        scale_factor_height=2,
        scale_factor_width=2,
        align_corners=True,
    ),
    "upsample_nearest_neighbor": unary(
        "upsample_nearest_neighbor",
        lambda x: F.interpolate(x, scale_factor=2),
        scale_factor_height=2,
        scale_factor_width=2,
    ),
}
