"""Devices, processes and precision of a run, by Lightning Fabric."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from rapsam.errors import InputError, RapSamError
from rapsam.training.config import RunConfig

Accelerator = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["fp32", "bf16", "fp16"]
_TORCHRUN = "TORCHELASTIC_RUN_ID"


class Machines(NamedTuple):
    """What a run shall use.

    Attributes:
        accelerator: Kind of device; "auto" takes what there is.
        processes: Per machine; each has its own GPU, or shares the CPU. None takes as many as torchrun has
            started on this machine, or one.
        nodes: Machines.
    """

    accelerator: Accelerator = "auto"
    processes: int | None = None
    nodes: int = 1

    @property
    def per_machine(self) -> int:
        """Processes of a machine."""
        started = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if _TORCHRUN in os.environ else 1
        return self.processes or started

    @property
    def kind(self) -> Literal["cpu", "cuda", "mps"]:
        """The kind of device that is used."""
        if self.accelerator != "auto":
            return self.accelerator
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"


class Engine(NamedTuple):
    """Fabric, and the loss scaler of fp16 that it uses."""

    fabric: Fabric
    scaler: torch.amp.GradScaler | None


def check_machines(machines: Machines, config: RunConfig) -> None:
    """Tells before anything is written whether a run can use these machines.

    Raises:
        InputError: If there are no such devices, they lack the precision, or cannot share the batch evenly.
    """
    for name, value in (("--processes", machines.processes), ("--nodes", machines.nodes)):
        if value is not None and value < 1:
            raise InputError(f"{name} {value}; expected at least 1")
    count, kind = machines.per_machine, machines.kind
    world = count * machines.nodes
    if _TORCHRUN in os.environ and int(os.environ["WORLD_SIZE"]) != world:
        raise InputError(
            f"torchrun has started {os.environ['WORLD_SIZE']} processes, --processes and --nodes make "
            f"{world}; leave --processes out and name the machines with --nodes"
        )
    if kind == "cuda" and torch.cuda.device_count() < count:
        raise InputError(
            f"{count} CUDA devices wanted, {torch.cuda.device_count()} found; "
            "lower --processes or take --accelerator cpu"
        )
    if kind == "mps" and (count > 1 or not torch.backends.mps.is_available()):
        raise InputError("MPS is one device of a Mac; expected one process there: take --accelerator cpu")
    if config.precision == "fp16" and kind != "cuda":
        raise InputError("precision fp16 needs a CUDA device for its loss scaler; take bf16 or fp32")
    if config.data.batch_size % world:
        raise InputError(
            f"a batch of {config.data.batch_size} samples cannot be shared by {world} processes evenly; "
            f"expected data.batch_size to be a multiple of {world}"
        )


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


def on_first_process(fabric: Fabric, action: Callable[[], object]) -> None:
    """Does something in the first process while the others wait; if it fails, all end with an error."""
    failure: RapSamError | None = None
    if fabric.is_global_zero:
        try:
            action()
        except RapSamError as error:
            failure = error
    if any_process(fabric, failure is not None):
        raise failure or InputError("the first process could not write; see what it says")


def sum_over_processes(fabric: Fabric, count: int) -> int:
    """Adds a small count up over all processes, each of which must call this."""
    if fabric.world_size == 1:
        return count
    mean = mean_over_processes(fabric, torch.tensor(float(count), device=fabric.device))
    return round(float(mean) * fabric.world_size)
