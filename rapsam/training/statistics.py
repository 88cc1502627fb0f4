"""Which batch norms learn from batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import nn

from rapsam.models.trainable import Trainable

BatchStatistics = Literal["all", "neck", "none"]


def set_training_mode(model: Trainable, learning: BatchStatistics) -> None:
    """Puts a network into training mode; frozen batch norms keep their running statistics.

    Their affine parameters are trained all the same (`norm_eval` of the published recipe).
    """
    model.train()
    learns = {"all": (model.backbone, model.neck), "neck": (model.neck,), "none": ()}[learning]
    for part in (model.backbone, model.neck):
        for module in part.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                # Said for each of them: the backbone's own `train` freezes its norms.
                module.train(part in learns)


def share_statistics(model: Trainable, learning: BatchStatistics) -> None:
    """Lets the batch norms that learn see the batches of all processes, as published; CUDA only."""
    if learning != "none":
        model.neck = nn.SyncBatchNorm.convert_sync_batchnorm(model.neck)
    if learning == "all":
        model.backbone = nn.SyncBatchNorm.convert_sync_batchnorm(model.backbone)


@contextmanager
def kept_statistics(model: Trainable) -> Iterator[None]:
    """Leaves the running statistics of a network as they were before the block."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            # Not as an operation that autograd sees: the backward pass is under way.
            buffer.data.copy_(value)
