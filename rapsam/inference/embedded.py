"""An image that was looked at once, and any number of prompts in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rapsam.inference.network import Embedded
from rapsam.inference.prompt_result import PromptResult
from rapsam.tasks.candidates import ambiguous_prompts
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import Choice, PromptSet

if TYPE_CHECKING:
    from rapsam.inference.segmenter import Segmenter


@dataclass(frozen=True, kw_only=True)
class EmbeddedImage:
    """An image of which a network has computed all that prompts have in common.

    Attributes:
        segmenter: The network.
        embedded: What it computed.
        geometry: Sizes of the image.
    """

    segmenter: Segmenter
    embedded: Embedded
    geometry: ImageGeometry

    def predict(
        self,
        *,
        points: Sequence[tuple[float, float]] = (),
        boxes: Sequence[tuple[float, float, float, float]] = (),
    ) -> PromptResult:
        """Segments the regions of points, a prompt each, and then of boxes; see `Segmenter.predict`."""
        return self.segment(PromptSet.of(points, boxes))

    def segment(
        self, prompts: PromptSet, *, multimask: bool | None = None, choose: Choice | None = None
    ) -> PromptResult:
        """Segments prompted regions.

        Args:
            prompts: In pixels of the image.
            multimask: Whether every prompt means the best of several candidates, or none does; by default
                only those do that are a single point. Without meaning for models of one candidate.
            choose: By what the best is chosen; None for what the model does best.

        Raises:
            InputError: If the network does not take a prompt, or it lies outside the image.
        """
        encoded = encode_prompts(prompts, self.segmenter.prompt_spec(), self.geometry)
        ambiguous = (
            ambiguous_prompts(prompts)
            if multimask is None
            else np.full(len(prompts.prompts), multimask, np.bool_)
        )
        return self.segmenter.masks_of(self.embedded.answer(encoded), self.geometry, ambiguous, choose)
