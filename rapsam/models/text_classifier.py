"""Classification by cosine similarity with text embeddings."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.origins import Prototypes
from rapsam.tasks.labels import LabelSet

# CLIP's logit scale, fixed: exp(4.6052) = 100.004.
LOGIT_SCALE = math.exp(4.6052)


class TextClassifier(nn.Module):
    """Scores embeddings against the synonyms of every class.

    The prototypes are no part of the state dict: one checkpoint serves every vocabulary.

    Args:
        prototypes: (classes, synonyms, width), each vector of unit length. A class with fewer synonyms
            repeats its first.
        label_set: Names of the classes, things first.
        origin: Where the prototypes come from.
    """

    prototypes: Tensor

    def __init__(self, prototypes: Tensor, label_set: LabelSet, origin: Prototypes) -> None:
        super().__init__()
        self.origin = origin
        self.label_set = label_set
        self.register_buffer("prototypes", prototypes, persistent=False)

    @property
    def num_classes(self) -> int:
        """Number of classes, void not counted."""
        return self.prototypes.shape[0]

    def forward(self, embeddings: Tensor) -> Tensor:
        """Computes class logits.

        Args:
            embeddings: (B, Q, width), any length.

        Returns:
            (B, Q, classes + 1); the last column is void and always 0.
        """
        classes, synonyms, width = self.prototypes.shape
        unit = F.normalize(embeddings, dim=-1)
        cosine = F.linear(unit, self.prototypes.reshape(classes * synonyms, width))
        best = cosine.reshape(*cosine.shape[:-1], classes, synonyms).amax(-1)
        return torch.cat([best * LOGIT_SCALE, torch.zeros_like(best[..., :1])], dim=-1)
