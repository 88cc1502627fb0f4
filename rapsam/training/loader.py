"""Which samples a process loads at which step, and the processes that load them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Sampler

from rapsam.errors import InputError
from rapsam.training.samples import Loaded, MixedSamples, collate


class StepSampler(Sampler[list[int]]):
    """Numbers of the samples of each batch from some step on.

    Batch b of the run holds samples b * batch_size and following; processes take turns.

    Args:
        first: First batch.
        end: Batch to stop before.
        batch_size: Samples of a batch, over all processes.
        rank: This process, from 0.
        world: Processes.
    """

    def __init__(self, first: int, end: int, batch_size: int, rank: int, world: int) -> None:
        if batch_size % world:
            raise InputError(
                f"a batch of {batch_size} samples cannot be shared by {world} processes evenly; "
                f"expected data.batch_size to be a multiple of {world}"
            )
        self.first, self.end, self.batch_size = first, end, batch_size
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        """Batches that are left."""
        return max(0, self.end - self.first)

    def __iter__(self) -> Iterator[list[int]]:
        """Gives the numbers of one batch after the other."""
        for batch in range(self.first, self.end):
            start = batch * self.batch_size
            yield list(range(start + self.rank, start + self.batch_size, self.world))


def make_loader(samples: MixedSamples, sampler: StepSampler, workers: int) -> DataLoader[Loaded]:
    """Loads batches in other processes, a few ahead; without workers in this one."""
    return DataLoader(
        samples,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_settle if workers else None,
    )


def _settle(worker: int) -> None:
    del worker
    torch.set_num_threads(1)
    # Ctrl-C and signals to the whole process group are for the trainer, which still needs its batches.
    os.setpgrp()
