"""Devices, processes and precision of a run, by Lightning Fabric."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from rapsam.errors import InputError

Accelerator = Literal["auto", "cpu", "cuda", "mps"]


class Engine(NamedTuple):
    """Fabric, and the loss scaler of fp16 that it uses."""

    fabric: Fabric
    scaler: torch.amp.GradScaler | None


def start_engine(
    accelerator: Accelerator, processes: int, nodes: int, precision: Literal["fp32", "bf16", "fp16"]
) -> Engine:
    """Starts the processes of a run; under torchrun it joins those that torchrun started.

    Args:
        accelerator: Kind of device; "auto" takes what there is.
        processes: Per machine; each has its own GPU, or shares the CPU.
        nodes: Machines.
        precision: Of the encoder.

    Raises:
        InputError: If this machine has no such device, or the device no such precision.
    """
    _check(accelerator, processes)
    if precision == "fp16" and not torch.cuda.is_available():
        raise InputError("precision fp16 needs a CUDA device for its loss scaler; take bf16 or fp32")
    scaler = torch.amp.GradScaler("cuda") if precision == "fp16" else None
    plugin = MixedPrecision("16-mixed", "cuda", scaler) if scaler else None
    # Steps without prompts, or with prompts alone, leave parts of the network without gradients.
    strategy = DDPStrategy(find_unused_parameters=True) if processes * nodes > 1 else "auto"
    fabric = Fabric(
        accelerator=accelerator,
        devices=processes,
        num_nodes=nodes,
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


def _check(accelerator: Accelerator, processes: int) -> None:
    if accelerator == "cuda" and torch.cuda.device_count() < processes:
        raise InputError(
            f"{processes} CUDA devices wanted, {torch.cuda.device_count()} found; "
            "lower --processes or take --accelerator cpu"
        )
    if accelerator == "mps" and not torch.backends.mps.is_available():
        raise InputError("this machine has no MPS device; take --accelerator cpu or auto")
