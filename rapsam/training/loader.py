"""Which samples a process loads at which step, and the processes that load them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from rapsam.errors import RapSamError
from rapsam.training.batch import Batch
from rapsam.training.samples import Loaded, MixedSamples, collate


class StepSampler(Sampler[list[int]]):
    """Numbers of the samples of each batch from some step on.

    Batch b of the run holds samples b * batch_size and following; processes take turns.

    Args:
        first: First batch.
        end: Batch to stop before.
        batch_size: Samples of a batch, over all processes, a multiple of their number.
        rank: This process, from 0.
        world: Processes.
    """

    def __init__(self, first: int, end: int, batch_size: int, rank: int, world: int) -> None:
        self.first, self.end, self.batch_size = first, end, batch_size
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        """Batches that are left."""
        return max(0, self.end - self.first)

    def __iter__(self) -> Iterator[list[int]]:
        """Yields the numbers of one batch after the other."""
        for batch in range(self.first, self.end):
            start = batch * self.batch_size
            yield list(range(start + self.rank, start + self.batch_size, self.world))


def load_batches(samples: MixedSamples, sampler: StepSampler, workers: int) -> Iterator[Batch]:
    """Loads batches in other processes, a few ahead; without workers in this one.

    Raises:
        InputError: If twenty samples of a source in a row could not be used.
    """
    loader = DataLoader(
        _Careful(samples),
        batch_sampler=sampler,
        collate_fn=_collate,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=settle_worker if workers else None,
    )
    for loaded in loader:
        if isinstance(loaded, RapSamError):
            raise loaded
        yield loaded


def settle_worker(worker: int) -> None:
    """Leaves a loading process one thread and a process group of its own."""
    del worker
    torch.set_num_threads(1)
    # Ctrl-C and signals to the whole process group are for the trainer, which still needs its batches.
    os.setpgrp()


class _Careful(Dataset[Loaded | RapSamError]):
    """Returns errors for users as values: raised in another process they would arrive as tracebacks."""

    def __init__(self, samples: MixedSamples) -> None:
        self._samples = samples

    def __getitem__(self, number: int) -> Loaded | RapSamError:
        try:
            return self._samples[number]
        except RapSamError as error:
            return error


def _collate(loaded: Sequence[Loaded | RapSamError]) -> Batch | RapSamError:
    error = next((item for item in loaded if isinstance(item, RapSamError)), None)
    return error or collate([item for item in loaded if isinstance(item, Loaded)])
