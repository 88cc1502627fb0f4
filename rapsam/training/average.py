"""Exponential moving average of the weights, which forgets its beginnings faster while it is young."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

_YOUTH = 10.0
_Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


def make_average(model: nn.Module, decay: float) -> AveragedModel | None:
    """Starts an average of a network, buffers included; None for a decay of 0."""
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=_average(decay), use_buffers=True)


def _average(decay: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    @torch.no_grad()
    def update(averaged: _Tensors, current: _Tensors, count: Tensor | int) -> None:
        seen = float(count)
        now = min(decay, (1 + seen) / (_YOUTH + seen))
        get_ema_multi_avg_fn(now)(averaged, current, count)

    return update
