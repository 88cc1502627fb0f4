"""The machines of a run, and what they must have for it: looked at before any work."""

from __future__ import annotations

import os
import resource
from typing import Literal, NamedTuple

import torch

from rapsam.errors import InputError
from rapsam.training.config import RunConfig

Accelerator = Literal["auto", "cpu", "cuda", "mps"]
_TORCHRUN = "TORCHELASTIC_RUN_ID"
_BYTES_PER_PIXEL = 3 * 4
_FILES, _FILES_PER_WORKER = 64, 8


class Machines(NamedTuple):
    """What a run is to use.

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


def check_memory(config: RunConfig, nodes: int) -> None:
    """Refuses a recipe whose input frames alone, float32, exceed the memory of this machine.

    A run needs many times more, which depends on the network: passing says little.

    Args:
        config: The recipe.
        nodes: Machines that share a batch.

    Raises:
        InputError: Naming the sizes.
    """
    data = config.data
    frames = max(source.frames for source in data.sources)
    needed = data.batch_size * frames * data.height * data.width * _BYTES_PER_PIXEL // nodes
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise InputError(
            f"data.batch_size {data.batch_size} of {frames} frames of {data.height}x{data.width} px takes "
            f"{needed / 1e9:,.1f} GB for its pixels alone, this machine has {there / 1e9:,.1f} GB; lower them"
        )


def check_open_files(config: RunConfig) -> None:
    """Refuses to start where so few files may be open that loading or logging would break on the way.

    Raises:
        InputError: Naming the limit.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES + _FILES_PER_WORKER * config.data.workers
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        raise InputError(
            f"a process may open {allowed} files here; training with {config.data.workers} loading processes "
            f"may need {needed}: raise the limit, as with 'ulimit -n 1024'"
        )
