"""Operators between floats and whole multiples of a scale."""

from __future__ import annotations

import torch
from torch import Tensor

from rapsam.export.backends.coreml.mil.operator import Operator, require

LIMITS = {"int8": (-(2**7), 2**7 - 1), "uint8": (0, 2**8 - 1)}
"""Smallest and largest whole number by type."""


def _quantize(
    input: Tensor,
    scale: Tensor,
    output_dtype: str,
    zero_point: Tensor | None = None,
    axis: int | None = None,
) -> Tensor:
    require(output_dtype in LIMITS, f"the type {output_dtype!r} of quantize")
    steps = torch.round(input / _along(scale, input, axis)) + _zero(zero_point, input, axis)
    return steps.clamp(*LIMITS[output_dtype])


def _dequantize(
    input: Tensor,
    scale: Tensor,
    zero_point: Tensor | None = None,
    axis: int | None = None,
) -> Tensor:
    return (input - _zero(zero_point, input, axis)) * _along(scale, input, axis)


def _zero(zero_point: Tensor | None, of: Tensor, axis: int | None) -> Tensor | float:
    return 0.0 if zero_point is None else _along(zero_point, of, axis)


def _along(values: Tensor, of: Tensor, axis: int | None) -> Tensor:
    """Lays one value per channel along its axis; a single value fits as it is."""
    if values.ndim == 0 or axis is None:
        return values
    return values.reshape([-1 if each == axis % of.ndim else 1 for each in range(of.ndim)])


ROUNDINGS: dict[str, Operator] = {"dequantize": _dequantize, "quantize": _quantize}
