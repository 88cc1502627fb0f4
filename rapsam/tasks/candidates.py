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
from rapsam.tasks.resize import original_tiles

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
    for tile in original_tiles(mask_logits.shape[-2:], geometry):
        source = tile.source_of(mask_logits)
        values = source.reshape(len(source), -1)
        # An enlarged logit lies between the smallest and the largest of these.
        inside, outside = values.min(axis=1) > STABILITY_OFFSET, values.max(axis=1) <= -STABILITY_OFFSET
        pixels = tile.down.shape[0] * tile.across.shape[0]
        core += inside * pixels
        reach += inside * pixels
        mixed = np.flatnonzero(~(inside | outside))
        enlarged = tile.enlarged(source[mixed])
        core[mixed] += np.count_nonzero(enlarged > STABILITY_OFFSET, axis=(1, 2))
        reach[mixed] += np.count_nonzero(enlarged > -STABILITY_OFFSET, axis=(1, 2))
    return np.asarray(core / np.maximum(reach, 1), np.float32)
