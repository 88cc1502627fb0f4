"""Which batch norms learn from batches."""

from __future__ import annotations

from typing import Literal

from torch import nn

from rapsam.models.rapsam.model import RapSam

BatchStatistics = Literal["all", "neck", "none"]


def set_training_mode(model: RapSam, learning: BatchStatistics) -> None:
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
