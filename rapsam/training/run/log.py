"""The diary of a run: one JSON object per logged step, and the same for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from rapsam.errors import JSON_ERRORS, InputError, reason_of
from rapsam.files import write_atomic

LOG_NAME = "log.jsonl"
_LARGEST = 2**53
_MOST_LOSSES = 64
_MAX_BYTES = 1 << 30


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log: means since the line before.

    Attributes:
        step: Optimiser steps done.
        epoch: Passes over the data, as a fraction.
        loss: Sum of the losses.
        losses: Weighted losses by name.
        lr: Learning rate of the first group.
        grad_norm: L2 norm of the gradient before clipping; None if all of them overflowed.
        samples_per_s: Over all processes.
        wait_share: Share of the time in which training waited for data, 0..1.
        skipped: Samples that could not be used since the start, so that others took their place;
            `skipped.txt` names them.
        incomplete: Samples since the start that were used with faulty annotations left out; `skipped.txt`
            names each such annotation once.
    """

    step: Annotated[int, Meta(ge=0, le=_LARGEST)]
    epoch: float
    loss: float
    losses: Annotated[dict[str, float], Meta(max_length=_MOST_LOSSES)]
    lr: float
    grad_norm: float | None
    samples_per_s: float
    wait_share: float
    skipped: Annotated[int, Meta(ge=0, le=_LARGEST)]
    incomplete: Annotated[int, Meta(ge=0, le=_LARGEST)] = 0


class RunLog:
    """Appends to the log of a run and to its TensorBoard file.

    Args:
        run: Folder of the run.
        step: Entries beyond this step belong to a future that was lost; they are removed.
    """

    def __init__(self, run: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._path = run / LOG_NAME
        kept = [entry for entry in read_log(run) if entry.step <= step] if self._path.exists() else []
        write_atomic(self._path, b"".join(msgspec.json.encode(entry) + b"\n" for entry in kept))
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def add(self, entry: LogEntry) -> None:
        """Writes an entry at once, so that a killed run keeps it."""
        with self._path.open("ab") as stream:
            stream.write(msgspec.json.encode(entry) + b"\n")
        scalars: Mapping[str, float | None] = {
            "loss/sum": entry.loss,
            **{f"loss/{name}": value for name, value in entry.losses.items()},
            "lr": entry.lr,
            "grad_norm": entry.grad_norm,
            "samples_per_s": entry.samples_per_s,
        }
        for name, value in scalars.items():
            if value is not None:
                self._board.add_scalar(name, value, entry.step)
        self._board.flush()

    def close(self) -> None:
        """Ends the TensorBoard file."""
        self._board.close()


def read_log(run: Path) -> list[LogEntry]:
    """Reads the log of a run; a last line that was cut off by a crash is left out.

    Raises:
        InputError: If there is none, or a line before the last is damaged.
    """
    path = run / LOG_NAME
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected the folder of a training run")
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path} is larger than 1 GiB; expected the log of a training run")
    entries = []
    lines = path.read_bytes().splitlines()
    for place, line in enumerate(lines, start=1):
        try:
            entries.append(msgspec.json.decode(line, type=LogEntry))
        except JSON_ERRORS as error:
            if place < len(lines):
                raise InputError(
                    f"{path}, line {place} is damaged ({reason_of(error)}); remove the line"
                ) from error
    return entries
