"""Operators on single elements, with broadcasting."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rapsam.export.backends.coreml.mil.operator import Operator, require


def _cast(x: Tensor, dtype: str) -> Tensor:  # noqa: ARG001 - the type of the result says it
    return x


def _clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    return x.clamp(alpha, beta)


def _gelu(x: Tensor, mode: str) -> Tensor:
    require(mode in ("EXACT", "TANH_APPROXIMATION"), f"mode {mode!r} of gelu")
    return F.gelu(x, approximate="none" if mode == "EXACT" else "tanh")


def _log(x: Tensor, epsilon: float) -> Tensor:
    return (x + epsilon).log()


def _real_div(x: Tensor, y: Tensor) -> Tensor:
    require(x.is_floating_point(), "a division of integers")
    return x / y


def _rsqrt(x: Tensor, epsilon: float) -> Tensor:
    return (x + epsilon).rsqrt()


ELEMENTWISE: dict[str, Operator] = {
    "abs": lambda x: x.abs(),
    "add": lambda x, y: x + y,
    "cast": _cast,
    "clip": _clip,
    "cos": lambda x: x.cos(),
    "equal": lambda x, y: x == y,
    "erf": lambda x: x.erf(),
    "exp": lambda x: x.exp(),
    "floor": lambda x: x.floor(),
    "floor_div": lambda x, y: torch.floor_divide(x, y),
    "gelu": _gelu,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "identity": lambda x: x,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "log": _log,
    "logical_and": lambda x, y: x & y,
    "logical_not": lambda x: ~x,
    "logical_or": lambda x, y: x | y,
    "maximum": lambda x, y: torch.maximum(x, y),
    "minimum": lambda x, y: torch.minimum(x, y),
    "mod": lambda x, y: torch.remainder(x, y),
    "mul": lambda x, y: x * y,
    "not_equal": lambda x, y: x != y,
    "pow": lambda x, y: torch.pow(x, y),
    "real_div": _real_div,
    "relu": lambda x: x.relu(),
    "rsqrt": _rsqrt,
    "select": lambda cond, a, b: torch.where(cond, a, b),
    "sigmoid": lambda x: x.sigmoid(),
    "silu": lambda x: F.silu(x),
    "sin": lambda x: x.sin(),
    "sqrt": lambda x: x.sqrt(),
    "square": lambda x: x.square(),
    "sub": lambda x, y: x - y,
    "tanh": lambda x: x.tanh(),
}
