"""Which of several candidate masks a prompt means, and how stable masks are.

A single point is ambiguous: a button, a shirt or a person. It means the best of the candidates that the
model made for that. Several points, a box or a mask leave little open: they mean one certain candidate,
where a family has one (`PromptSpec.single`).
"""

from __future__ import annotations

import numpy as np

from rapsam.tasks.arrays import Floats, Indices, Masks
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt_set import PromptSet, PromptSpec
from rapsam.tasks.resize import enlarged_blocks

STABILITY_OFFSET = 1.0
"""How far the threshold of 0 is moved up and down to see how much of a mask depends on it."""


def ambiguous_prompts(prompts: PromptSet) -> Masks:
    """Tells which prompts are one point and nothing else, (K,) bool."""
    return np.array(
        [
            len(prompt.points) == 1 and prompt.box is None and prompt.mask is None
            for prompt in prompts.prompts
        ],
        np.bool_,
    )


def chosen_candidates(spec: PromptSpec, scores: Floats, ambiguous: Masks) -> Indices:
    """Chooses a candidate for each prompt.

    Args:
        spec: Of the model.
        scores: (K, M) predicted IoU or stability of the candidates.
        ambiguous: (K,) bool, which prompts mean the best of several; the others mean `spec.single`, where
            the family has such a candidate.

    Returns:
        (K,) candidates, the first of equals.
    """
    offered = np.asarray(spec.offered, np.int64)
    best: Indices = offered[scores[:, offered].argmax(axis=1)]
    return best if spec.single is None else np.where(ambiguous, best, spec.single)


def stability_scores(mask_logits: Floats, geometry: ImageGeometry) -> Floats:
    """Measures how little masks change when their threshold moves.

    The pixels of the original image above +1 over those above -1, as SAM has it.

    Args:
        mask_logits: (N, h, w) float32 at any stride of the padded input, finite.
        geometry: Sizes of the image.

    Returns:
        (N,) float32, 0..1; 0 for a mask without any pixel above -1.
    """
    core, reach = np.zeros((2, len(mask_logits)), np.int64)
    for number, logits in enumerate(mask_logits):
        for block in enlarged_blocks(logits, geometry, above=-STABILITY_OFFSET):
            core[number] += np.count_nonzero(block.values > STABILITY_OFFSET)
            reach[number] += np.count_nonzero(block.values > -STABILITY_OFFSET)
    return np.asarray(core / np.maximum(reach, 1), np.float32)


def stability_to_choose(
    spec: PromptSpec, mask_logits: Floats, geometry: ImageGeometry, ambiguous: Masks
) -> Floats:
    """Measures the stability of those candidates among which `chosen_candidates` chooses.

    Args:
        spec: Of the model.
        mask_logits: (K, M, h, w) float32 at any stride of the padded input, finite.
        geometry: Sizes of the image.
        ambiguous: (K,) bool; see `chosen_candidates`.

    Returns:
        (K, M) float32, 0..1; 0 for all that are not asked for.
    """
    scores = np.zeros(mask_logits.shape[:2], np.float32)
    asked = ambiguous if spec.single is not None else np.ones_like(ambiguous)
    for prompt in np.flatnonzero(asked):
        scores[prompt, spec.offered] = stability_scores(mask_logits[prompt, spec.offered], geometry)
    return scores
