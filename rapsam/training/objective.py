"""What the training loop minimises: a network with its losses as one module."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from rapsam.models.network import SegmentationNetwork
from rapsam.training.batch import Batch
from rapsam.training.config import BatchStatistics

Losses = dict[str, Tensor]


class Objective(nn.Module):
    """What is distributed over processes, and what gradients come from.

    Attributes:
        model: The network in training, under this name in checkpoints.
    """

    model: SegmentationNetwork

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Losses that a batch may have."""

    @abstractmethod
    def counts(self, batch: Batch) -> list[float]:
        """Counts what losses are divided by: to be averaged over the processes."""

    @abstractmethod
    def forward(self, batch: Batch, counts: Sequence[float]) -> Losses:
        """Computes the losses.

        Args:
            batch: Samples.
            counts: As `counts` returns them, averaged over the processes. No tensor, which mixed precision
                would round.

        Returns:
            Weighted scalars by name; their sum is what to minimise.
        """

    @abstractmethod
    def begin_training(self, learning: BatchStatistics, *, shared: bool) -> None:
        """Puts the network into training mode.

        Args:
            learning: Which batch norms learn.
            shared: Whether they are to see the batches of all processes; CUDA only.
        """
