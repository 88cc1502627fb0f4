"""Means between two entries of the log, and where the time went."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric

from rapsam.training.engine import mean_over_processes, sum_over_processes
from rapsam.training.objective import Losses
from rapsam.training.run.log import LogEntry


class Meter:
    """Collects what the steps since the last entry did.

    Args:
        names: Losses that there may be.
        samples_per_step: Over all processes.

    Attributes:
        skipped: Samples that this process could not use since the start of the run.
        incomplete: Samples that it used with faulty annotations left out.
    """

    def __init__(self, names: Sequence[str], samples_per_step: int) -> None:
        self.skipped, self.incomplete = 0, 0
        self._names = tuple(names)
        self._samples_per_step = samples_per_step
        self._reset()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time inside as waiting for data."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    def add(self, losses: Losses, accumulate: int) -> None:
        """Takes the losses of one of `accumulate` batches of a step."""
        for name, value in losses.items():
            self._losses[name] += float(value.detach()) / accumulate

    def close_step(self, grad_norm: float | None, lr: float) -> None:
        """Ends a step; None for a gradient that overflowed."""
        self._steps += 1
        if grad_norm is not None:
            self._grad_norms.append(grad_norm)
        self._lr = lr

    def entry(self, step: int, epoch: float, fabric: Fabric) -> LogEntry:
        """Makes the entry of the steps since the last one and starts anew."""
        seconds = time.perf_counter() - self._start
        # A process without prompts has no losses of prompts: zero there, and the mean over all is right.
        values = torch.tensor([self._losses[name] / self._steps for name in self._names])
        if fabric.world_size > 1:
            values = mean_over_processes(fabric, values)
        losses = dict(zip(self._names, values.tolist(), strict=True))
        entry = LogEntry(
            step=step,
            epoch=epoch,
            loss=sum(losses.values()),
            losses=losses,
            lr=self._lr,
            grad_norm=sum(self._grad_norms) / len(self._grad_norms) if self._grad_norms else None,
            samples_per_s=self._steps * self._samples_per_step / seconds,
            wait_share=self._waited / seconds,
            skipped=sum_over_processes(fabric, self.skipped),
            incomplete=sum_over_processes(fabric, self.incomplete),
        )
        self._reset()
        return entry

    def _reset(self) -> None:
        self._losses: dict[str, float] = defaultdict(float)
        self._steps = 0
        self._waited, self._lr = 0.0, 0.0
        self._grad_norms: list[float] = []
        self._start = time.perf_counter()
