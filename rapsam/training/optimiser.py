"""AdamW with the groups of the published recipe."""

from __future__ import annotations

import torch
from torch import nn

from rapsam.training.config import OptimiserConfig

_NORMS = (nn.LayerNorm, nn.modules.batchnorm._BatchNorm)
_BASE_RATE = "base_lr"


def make_optimiser(network: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    """Groups parameters by learning rate (backbone or not) and decay (none on norms)."""
    normed = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, _NORMS)
        for parameter in module.parameters(recurse=False)
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        in_backbone = "backbone" in name.split(".")
        rate = config.lr * (config.backbone_factor if in_backbone else 1.0)
        decay = 0.0 if id(parameter) in normed else config.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, _BASE_RATE: rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        betas=config.betas,
    )


def set_rates(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Sets every group's learning rate to `factor` times its own."""
    for group in optimiser.param_groups:
        group["lr"] = group[_BASE_RATE] * factor
