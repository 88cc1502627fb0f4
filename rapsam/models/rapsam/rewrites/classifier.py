"""The text classifier without repeated prototypes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.text_classifier import LOGIT_SCALE, TextClassifier


class DeployedClassifier(nn.Module):
    """Scores embeddings against distinct prototypes, the scale folded into them.

    A class with fewer synonyms than others repeats its first; repeats cannot change a maximum and are
    dropped. Classes with equally many synonyms stand together, so that each such group is one reshape.
    """

    prototypes: Tensor
    order: Tensor

    def __init__(self, source: TextClassifier) -> None:
        super().__init__()
        distinct = [_distinct(rows) for rows in source.prototypes]
        counts = [len(rows) for rows in distinct]
        by_count = sorted(range(len(distinct)), key=lambda k: (counts[k], k))
        self.groups = tuple((counts.count(count), count) for count in sorted(set(counts)))
        prototypes = torch.cat([distinct[k] for k in by_count]).double() * LOGIT_SCALE
        self.register_buffer("prototypes", prototypes.to(source.prototypes.dtype))
        self.register_buffer("order", torch.tensor(by_count).argsort())

    def forward(self, embeddings: Tensor) -> Tensor:
        """Maps embeddings (B, Q, width) to class logits (B, Q, classes + 1); the last is void, always 0."""
        scores = F.linear(F.normalize(embeddings, dim=-1), self.prototypes)
        sizes = [classes * synonyms for classes, synonyms in self.groups]
        # A slice of everything would be an operator of its own, and no delegate's.
        parts = [scores] if len(sizes) == 1 else scores.split(sizes, dim=-1)
        best = [part.unflatten(-1, group).amax(-1) for part, group in zip(parts, self.groups, strict=True)]
        void = torch.zeros_like(scores[..., :1])
        if len(best) == 1:
            return torch.cat([best[0], void], dim=-1)
        return torch.cat([torch.cat(best, dim=-1).index_select(-1, self.order), void], dim=-1)


def _distinct(rows: Tensor) -> Tensor:
    """Drops repeated rows and keeps the order of the others."""
    kept: list[Tensor] = []
    for row in rows:
        if not any(torch.equal(row, other) for other in kept):
            kept.append(row)
    return torch.stack(kept)
