"""What a network answers to prompts: candidates, their scores, and the one that each prompt means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rapsam.tasks.arrays import Floats, Indices, Masks
from rapsam.tasks.candidates import stability_scores
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt import interactive_masks


@dataclass(frozen=True, kw_only=True)
class PromptResult:
    """What a network answers to K prompts, in their order, M candidate masks each.

    Candidates that no prompt means are enlarged only when somebody asks for them.

    Attributes:
        masks: (K, h0, w0) bool at the size of the image: of each prompt the mask that it means.
        mask_logits: (K, M, h, w) float32, as the network gives them; one may be the `Prompt.mask` of another
            prompt.
        candidate_iou: (K, M) float32, what the network thinks of its masks, raw.
        chosen: (K,) the candidate that each prompt means; see `rapsam.tasks.candidates`.
        offered: Candidates that an ambiguous prompt may mean.
        geometry: Sizes of the image.
    """

    masks: Masks
    mask_logits: Floats
    candidate_iou: Floats
    chosen: Indices
    offered: tuple[int, ...]
    geometry: ImageGeometry

    @property
    def logits(self) -> Floats:
        """(K, h, w) float32 mask logits of these masks."""
        logits: Floats = self.mask_logits[np.arange(len(self.chosen)), self.chosen]
        return logits

    @property
    def predicted_iou(self) -> Floats:
        """(K,) float32 of these masks, raw."""
        iou: Floats = self.candidate_iou[np.arange(len(self.chosen)), self.chosen]
        return iou

    @cached_property
    def candidates(self) -> Masks:
        """(K, M, h0, w0) bool at the size of the image."""
        flat = interactive_masks(self._flat, self.geometry)
        return flat.reshape(*self.candidate_iou.shape, *flat.shape[1:])

    @cached_property
    def stability(self) -> Floats:
        """(K, M) float32, 0..1; see `rapsam.tasks.candidates.stability_scores`."""
        return stability_scores(self._flat, self.geometry).reshape(self.candidate_iou.shape)

    @property
    def _flat(self) -> Floats:
        return self.mask_logits.reshape(-1, *self.mask_logits.shape[-2:])
