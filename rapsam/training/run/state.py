"""What a run needs to go on as if it had never stopped: weights, averages, moments, step."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from rapsam.errors import CheckpointError, RapSamError, reason_of
from rapsam.files import atomic_folder, remove_abandoned, write_atomic

CHECKPOINTS = "checkpoints"
WEIGHTS, BESIDE, AVERAGE, OPTIMISER, STATE = (
    "weights.safetensors",
    "beside.safetensors",
    "average.safetensors",
    "optimiser.safetensors",
    "state.json",
)
SCHEMA_VERSION = 1
_NAME = "step-[0-9]{8,12}"


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a checkpoint that is no tensor.

    Attributes:
        schema_version: Of this record.
        step: Optimiser steps that are done.
        epoch_length: Samples of an epoch, so that other data are noticed.
        scaler: State of the fp16 loss scaler; empty for other precisions.
        skipped: Samples that could not be used so far; others took their place.
        incomplete: Samples so far that were used with faulty annotations left out.
    """

    schema_version: int = SCHEMA_VERSION
    step: int
    epoch_length: int
    scaler: dict[str, int | float] = {}
    skipped: int = 0
    incomplete: int = 0


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """The tensors of a run, by the part that they belong to; alive, not copies."""

    model: nn.Module
    average: AveragedModel | None
    network: nn.Module
    optimiser: torch.optim.Optimizer


def save_state(run: Path, state: RunState, trained: Trained, keep: int) -> Path:
    """Writes a checkpoint in full or not at all, then removes those that are too old.

    Raises:
        InputError: If it cannot be written, as on a full disk; older checkpoints stay.
    """
    folder = run / CHECKPOINTS / f"step-{state.step:08d}"
    with atomic_folder(folder) as scratch:
        _write(scratch / WEIGHTS, trained.model.state_dict())
        if beside := _beside_the_model(trained):
            _write(scratch / BESIDE, beside)
        if trained.average is not None:
            _write(scratch / AVERAGE, trained.average.state_dict())
        _write(scratch / OPTIMISER, _moments(trained))
        write_atomic(scratch / STATE, msgspec.json.encode(state))
    for old in checkpoints_of(run)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def remove_unfinished(run: Path) -> None:
    """Removes what a process that was killed while it saved left behind; a run has one writer."""
    folder = run / CHECKPOINTS
    if folder.is_dir():
        remove_abandoned(folder, _NAME, after_s=0)


def checkpoints_of(run: Path) -> list[Path]:
    """Lists the checkpoints of a run, oldest first; copies under other names are their owner's."""
    found = (run / CHECKPOINTS).glob("step-*")
    ours = [path for path in found if re.fullmatch(_NAME, path.name) and not path.is_symlink()]
    return sorted(ours, key=lambda path: int(path.name.removeprefix("step-")))


def restore_state(folder: Path, trained: Trained) -> RunState:
    """Loads a checkpoint into the tensors of a run.

    Raises:
        CheckpointError: If it is damaged or belongs to another recipe.
    """
    try:
        state = msgspec.json.decode((folder / STATE).read_bytes(), type=RunState)
        if state.schema_version != SCHEMA_VERSION:
            raise CheckpointError(
                f"{folder} has schema version {state.schema_version}; expected {SCHEMA_VERSION}: go on with "
                "the version of this toolkit that wrote it"
            )
        trained.model.load_state_dict(safetensors.torch.load_file(folder / WEIGHTS))
        if beside := _beside_the_model(trained):
            for name, tensor in safetensors.torch.load_file(folder / BESIDE).items():
                beside[name].copy_(tensor)
        if trained.average is not None:
            trained.average.load_state_dict(safetensors.torch.load_file(folder / AVERAGE))
        _restore_moments(trained, safetensors.torch.load_file(folder / OPTIMISER))
    except RapSamError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{folder} cannot be restored ({reason_of(error)}); "
            "remove the folder to go on from the checkpoint before"
        ) from error
    return state


def _beside_the_model(trained: Trained) -> dict[str, Tensor]:
    """Returns what is trained beside the model, as the projection of a distillation."""
    return {
        name: tensor for name, tensor in trained.network.state_dict().items() if not name.startswith("model.")
    }


def _moments(trained: Trained) -> dict[str, Tensor]:
    """Names the optimiser's tensors by parameter: `name/exp_avg` and so on."""
    states: Mapping[Any, dict[str, Tensor]] = trained.optimiser.state
    return {
        f"{name}/{kind}": torch.as_tensor(value)
        for name, parameter in trained.network.named_parameters()
        for kind, value in states.get(parameter, {}).items()
    }


def _restore_moments(trained: Trained, tensors: Mapping[str, Tensor]) -> None:
    parameters = dict(trained.network.named_parameters())
    for key, tensor in tensors.items():
        name, kind = key.rsplit("/", 1)
        if name not in parameters:
            raise CheckpointError(f"the optimiser's state names {name!r}, which the network has not")
        parameter = parameters[name]
        # Steps are counted on the CPU, moments live beside their parameter.
        device = "cpu" if kind == "step" else parameter.device
        trained.optimiser.state[parameter][kind] = tensor.to(device)


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain))
