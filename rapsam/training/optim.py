"""What a step changes: what learns, batch norms included, at which rate, and the average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rapsam.models.trainable import Trainable
from rapsam.training.config import BatchStatistics, OptimiserConfig

_NORMS = (nn.LayerNorm, nn.modules.batchnorm._BatchNorm)
_BASE_RATE = "base_lr"
STEP_FACTOR = 0.1
_YOUTH = 10.0
_Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


def make_optimiser(network: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    """Groups parameters by learning rate (backbone or not) and decay (none on those that are left out)."""
    undecayed = _undecayed(network, config)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        in_backbone = "backbone" in name.split(".")
        rate = config.lr * (config.backbone_factor if in_backbone else 1.0)
        decay = 0.0 if id(parameter) in undecayed else config.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, _BASE_RATE: rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        betas=config.betas,
    )


def _undecayed(network: nn.Module, config: OptimiserConfig) -> set[int]:
    """Returns the ids of the parameters without weight decay."""
    if config.undecayed == "vectors":
        named = network.named_parameters()
        return {id(value) for name, value in named if value.ndim <= 1 or name.endswith(".bias")}
    return {
        id(parameter)
        for module in network.modules()
        if isinstance(module, _NORMS)
        for parameter in module.parameters(recurse=False)
    }


def set_rates(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Sets every group's learning rate to `factor` times its own."""
    for group in optimiser.param_groups:
        group["lr"] = group[_BASE_RATE] * factor


def rate_factor(step: int, total_steps: int, config: OptimiserConfig) -> float:
    """Returns the factor of the learning rate, 0..1, at a step from 0 to `total_steps` - 1."""
    factor = _cosine(step, total_steps, config) if config.schedule == "cosine" else 1.0
    if config.schedule == "step":
        factor = STEP_FACTOR ** sum(step >= share * total_steps for share in config.milestones)
    if step < config.warmup_steps:
        start = config.warmup_start
        factor *= start + (1 - start) * step / config.warmup_steps
    return factor


def _cosine(step: int, total_steps: int, config: OptimiserConfig) -> float:
    progress = min(1.0, max(0, step - config.warmup_steps) / max(1, total_steps - config.warmup_steps))
    return config.final_factor + (1 - config.final_factor) * (1 + math.cos(math.pi * progress)) / 2


def set_training_mode(model: Trainable, learning: BatchStatistics) -> None:
    """Puts a network into training mode; frozen batch norms keep their running statistics.

    Their affine parameters are trained all the same (`norm_eval` of the published recipe).
    """
    model.train()
    learns = {"all": (model.backbone, model.neck), "neck": (model.neck,), "none": ()}[learning]
    for part in (model.backbone, model.neck):
        for module in part.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                # Said for each of them: the backbone's own `train` freezes its norms.
                module.train(part in learns)


def share_statistics(model: Trainable, learning: BatchStatistics) -> None:
    """Lets the batch norms that learn see the batches of all processes, as published; CUDA only."""
    if learning != "none":
        model.neck = nn.SyncBatchNorm.convert_sync_batchnorm(model.neck)
    if learning == "all":
        model.backbone = nn.SyncBatchNorm.convert_sync_batchnorm(model.backbone)


@contextmanager
def kept_statistics(model: Trainable) -> Iterator[None]:
    """Leaves the running statistics of a network as they were before the block."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            # Not as an operation that autograd sees: the backward pass is under way.
            buffer.data.copy_(value)


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
