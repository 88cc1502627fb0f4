"""What the operators of an ML program compute, by Apple's description of them, in PyTorch.

Each takes the operator's inputs under their names there; numbers and lists come as tensors too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rapsam.errors import BundleError

Result = Tensor | tuple[Tensor, ...]


def _require(known: bool, what: str) -> None:
    if not known:
        raise BundleError(f"the emulation of Core ML does not know {what}; run the package on a Mac")


def _ints(values: Tensor) -> list[int]:
    return [int(value) for value in values.flatten().tolist()]


def _padded(x: Tensor, pad_type: str, pad: Tensor | None, filling: float) -> Tensor:
    if pad_type != "custom" or pad is None:
        _require(pad_type in ("custom", "valid"), f"padding {pad_type!r}")
        return x
    top, bottom, left, right = _ints(pad)
    return F.pad(x, (left, right, top, bottom), value=filling)


def _conv(
    x: Tensor,
    weight: Tensor,
    strides: Tensor,
    pad_type: str,
    dilations: Tensor,
    groups: Tensor,
    pad: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    padded = _padded(x, pad_type, pad, 0.0)
    return F.conv2d(padded, weight, bias, _ints(strides), 0, _ints(dilations), int(groups))


def _conv_transpose(
    x: Tensor,
    weight: Tensor,
    strides: Tensor,
    pad_type: str,
    pad: Tensor,
    dilations: Tensor,
    groups: Tensor,
    output_shape: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    _require(pad_type == "custom", f"padding {pad_type!r} of a transposed convolution")
    _require(_ints(dilations) == [1, 1], "a dilated transposed convolution")
    full = F.conv_transpose2d(x, weight, bias, _ints(strides), 0, 0, int(groups))
    top, _, left, _ = _ints(pad)
    height, width = _ints(output_shape)[-2:]
    return full[..., top : top + height, left : left + width]


def _max_pool(
    x: Tensor, kernel_sizes: Tensor, strides: Tensor, pad_type: str, pad: Tensor, ceil_mode: Tensor
) -> Tensor:
    padded = _padded(x, pad_type, pad, -torch.inf)
    return F.max_pool2d(padded, _ints(kernel_sizes), _ints(strides), ceil_mode=bool(ceil_mode))


def _upsample_bilinear(
    x: Tensor, scale_factor_height: Tensor, scale_factor_width: Tensor, align_corners: Tensor
) -> Tensor:
    factors = (float(scale_factor_height), float(scale_factor_width))
    return F.interpolate(x, scale_factor=factors, mode="bilinear", align_corners=bool(align_corners))


def _batch_norm(
    x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: Tensor
) -> Tensor:
    return F.batch_norm(x, mean, variance, gamma, beta, training=False, eps=float(epsilon))


def _layer_norm(x: Tensor, axes: Tensor, gamma: Tensor, beta: Tensor, epsilon: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-axes.numel() :], gamma, beta, float(epsilon))


def _matmul(x: Tensor, y: Tensor, transpose_x: Tensor, transpose_y: Tensor) -> Tensor:
    left = x.transpose(-1, -2) if transpose_x else x
    return left @ (y.transpose(-1, -2) if transpose_y else y)


def _gather(x: Tensor, indices: Tensor, axis: Tensor, batch_dims: Tensor, **_: Tensor) -> Tensor:
    _require(int(batch_dims) == 0, "a gather with batch dimensions")
    at = int(axis)
    rows = torch.index_select(x, at, indices.flatten().long())
    return rows.reshape(*x.shape[:at], *indices.shape, *x.shape[at + 1 :])


def _slice_by_index(
    x: Tensor,
    begin: Tensor,
    end: Tensor,
    stride: Tensor | None = None,
    begin_mask: Tensor | None = None,
    end_mask: Tensor | None = None,
    squeeze_mask: Tensor | None = None,
) -> Tensor:
    no = torch.zeros(x.dim(), dtype=torch.bool)
    from_start = no if begin_mask is None else begin_mask
    to_end = no if end_mask is None else end_mask
    steps = [1] * x.dim() if stride is None else _ints(stride)
    starts, stops = _ints(begin), _ints(end)
    for axis, step in enumerate(steps):
        if squeeze_mask is not None and squeeze_mask[axis]:
            x = x.narrow(axis, starts[axis], 1)
            continue
        start = None if from_start[axis] else starts[axis]
        x = x[(slice(None),) * axis + (slice(start, None if to_end[axis] else stops[axis], step),)]
    squeezed = [] if squeeze_mask is None else torch.nonzero(squeeze_mask).flatten().tolist()
    return x.squeeze(tuple(squeezed)) if squeezed else x


def _expand_dims(x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted(_ints(axes)):
        x = x.unsqueeze(axis)
    return x


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "batch_norm": _batch_norm,
    "cast": lambda x, dtype: x,  # noqa: ARG005 - the type of the result says it
    "clip": lambda x, alpha, beta: x.clamp(float(alpha), float(beta)),
    "concat": lambda values, axis, interleave: torch.cat(values, int(axis)),  # noqa: ARG005
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "cos": lambda x: x.cos(),
    "equal": lambda x, y: x == y,
    "expand_dims": _expand_dims,
    "floor": lambda x: x.floor(),
    "gather": _gather,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "layer_norm": _layer_norm,
    "less": lambda x, y: x < y,
    "linear": lambda x, weight, bias: F.linear(x, weight, bias),
    "logical_and": lambda x, y: x & y,
    "matmul": _matmul,
    "max_pool": _max_pool,
    "maximum": lambda x, y: torch.maximum(x, y),
    "minimum": lambda x, y: torch.minimum(x, y),
    "mul": lambda x, y: x * y,
    "real_div": lambda x, y: x / y,
    "reduce_l2_norm": lambda x, axes, keep_dims: x.norm(dim=_ints(axes), keepdim=bool(keep_dims)),
    "reduce_max": lambda x, axes, keep_dims: x.amax(_ints(axes), bool(keep_dims)),
    "reduce_sum": lambda x, axes, keep_dims: x.sum(_ints(axes), bool(keep_dims)),
    "relu": lambda x: x.relu(),
    "reshape": lambda x, shape: x.reshape(_ints(shape)),
    "reverse": lambda x, axes: x.flip(_ints(axes)),
    "select": lambda cond, a, b: torch.where(cond, a, b),
    "sigmoid": lambda x: x.sigmoid(),
    "sin": lambda x: x.sin(),
    "slice_by_index": _slice_by_index,
    "softmax": lambda x, axis: x.softmax(int(axis)),
    "split": lambda x, split_sizes, axis: x.split(_ints(split_sizes), int(axis)),
    "squeeze": lambda x, axes: x.squeeze(tuple(_ints(axes))),
    "stack": lambda values, axis: torch.stack(values, int(axis)),
    "sub": lambda x, y: x - y,
    "tile": lambda x, reps: x.repeat(_ints(reps)),
    "transpose": lambda x, perm: x.permute(_ints(perm)),
    "upsample_bilinear": _upsample_bilinear,
}
