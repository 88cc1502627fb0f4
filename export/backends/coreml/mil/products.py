"""Operators that sum over an axis: products of matrices, normalisations, reductions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from rapsam.export.backends.coreml.mil.operator import Operator, require


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, weight, bias)


def _matmul(x: Tensor, y: Tensor, transpose_x: bool, transpose_y: bool) -> Tensor:
    left = x.transpose(-1, -2) if transpose_x else x
    return left @ (y.transpose(-1, -2) if transpose_y else y)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value)


def _softmax(x: Tensor, axis: int) -> Tensor:
    return x.softmax(axis)


def _batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    epsilon: float,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> Tensor:
    return F.batch_norm(x, mean, variance, gamma, beta, training=False, eps=epsilon)


def _layer_norm(
    x: Tensor, axes: list[int], epsilon: float, gamma: Tensor | None = None, beta: Tensor | None = None
) -> Tensor:
    last = list(range(x.dim() - len(axes), x.dim()))
    require(sorted(axis % x.dim() for axis in axes) == last, f"a layer norm over the axes {axes}")
    return F.layer_norm(x, x.shape[-len(axes) :], gamma, beta, epsilon)


def _reduce_l2_norm(x: Tensor, keep_dims: bool, axes: list[int] | None = None) -> Tensor:
    return x.square().sum(_all(x, axes), keep_dims).sqrt()


def _reduce_max(x: Tensor, keep_dims: bool, axes: list[int] | None = None) -> Tensor:
    return x.amax(_all(x, axes), keep_dims)


def _reduce_mean(x: Tensor, keep_dims: bool, axes: list[int] | None = None) -> Tensor:
    return x.mean(_all(x, axes), keep_dims)


def _reduce_min(x: Tensor, keep_dims: bool, axes: list[int] | None = None) -> Tensor:
    return x.amin(_all(x, axes), keep_dims)


def _reduce_sum(x: Tensor, keep_dims: bool, axes: list[int] | None = None) -> Tensor:
    return x.sum(_all(x, axes), keep_dims)


def _all(x: Tensor, axes: list[int] | None) -> list[int]:
    return list(range(x.dim())) if axes is None else axes


PRODUCTS: dict[str, Operator] = {
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "linear": _linear,
    "matmul": _matmul,
    "reduce_l2_norm": _reduce_l2_norm,
    "reduce_max": _reduce_max,
    "reduce_mean": _reduce_mean,
    "reduce_min": _reduce_min,
    "reduce_sum": _reduce_sum,
    "scaled_dot_product_attention": _attention,
    "softmax": _softmax,
}
