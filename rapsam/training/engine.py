"""Devices, processes and precision of a run, by Lightning Fabric."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from rapsam.errors import InputError, RapSamError
from rapsam.training.config import Precision
from rapsam.training.machines import Machines

_Result = TypeVar("_Result")


class Engine(NamedTuple):
    """Fabric, and the loss scaler of fp16 that it uses."""

    fabric: Fabric
    scaler: torch.amp.GradScaler | None


def start_engine(machines: Machines, precision: Precision) -> Engine:
    """Starts the processes of a run; under torchrun it joins those that torchrun started.

    Args:
        machines: See `check_machines`.
        precision: Of the encoder.
    """
    # It tells how to use it; what matters is in our progress.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    scaler = torch.amp.GradScaler("cuda") if precision == "fp16" else None
    plugin = MixedPrecision("16-mixed", "cuda", scaler) if scaler else None
    world = machines.per_machine * machines.nodes
    # Steps without prompts, or with prompts alone, leave parts of the network without gradients.
    strategy = DDPStrategy(find_unused_parameters=True) if world > 1 else "auto"
    fabric = Fabric(
        accelerator=machines.kind,
        devices=machines.per_machine,
        num_nodes=machines.nodes,
        strategy=strategy,
        precision=None if plugin else {"fp32": "32-true", "bf16": "bf16-mixed"}[precision],  # type: ignore[arg-type]
        plugins=plugin,
    )
    fabric.launch()
    return Engine(fabric, scaler)


def mean_over_processes(fabric: Fabric, values: Tensor) -> Tensor:
    """Averages a tensor over all processes, each of which must call this."""
    mean = fabric.all_reduce(values, reduce_op="mean")
    assert isinstance(mean, Tensor)
    return mean


def any_process(fabric: Fabric, flag: bool) -> bool:
    """Tells whether a flag is set in any process; each must call this."""
    if fabric.world_size == 1:
        return flag
    return bool(mean_over_processes(fabric, torch.tensor(float(flag), device=fabric.device)) > 0)


def in_all_processes(fabric: Fabric, action: Callable[[], _Result], elsewhere: RapSamError) -> _Result:
    """Does something in every process; if it fails in one, whatever it raises, all end with an error.

    Args:
        fabric: Launched.
        action: Must not wait for another process.
        elsewhere: Raised where only another process failed.

    Returns:
        What the action returned here.
    """
    failure: Exception | None = None
    try:
        result = action()
    except Exception as error:  # left alone, the others would wait for this process
        failure = error
    if any_process(fabric, failure is not None):
        raise failure or elsewhere
    return result


def on_first_process(fabric: Fabric, action: Callable[[], object]) -> None:
    """Does something in the first process while the others wait; if it fails, all end with an error."""
    elsewhere = InputError("the first process could not write; see what it says")
    in_all_processes(fabric, lambda: action() if fabric.is_global_zero else None, elsewhere)


def sum_over_processes(fabric: Fabric, count: int) -> int:
    """Adds a small count up over all processes, each of which must call this."""
    if fabric.world_size == 1:
        return count
    mean = mean_over_processes(fabric, torch.tensor(float(count), device=fabric.device))
    return round(float(mean) * fabric.world_size)
