"""The learning rate as a function of the step alone: nothing to save, nothing to restore."""

from __future__ import annotations

import math

from rapsam.training.config import OptimiserConfig

STEP_FACTOR = 0.1


def rate_factor(step: int, total_steps: int, config: OptimiserConfig) -> float:
    """Gives the factor of the learning rate, 0..1, at a step from 0 to `total_steps` - 1."""
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
