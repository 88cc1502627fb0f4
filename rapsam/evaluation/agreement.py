"""How alike the results of two segmenters are on one image: what a mean over images hides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.evaluation.prompt_scores import prompts_for, seen_masks
from rapsam.inference.segmenter import Segmenter
from rapsam.metrics.mask_iou import mask_iou
from rapsam.metrics.panoptic_quality import mutual_panoptic_quality
from rapsam.tasks.prompt_set import PromptSet

Agreement = Callable[[Segmenter, Segmenter, AnnotatedClip], float]
"""Takes subject, reference and an image; returns 0..1."""


def panoptic_agreement(subject: Segmenter, reference: Segmenter, clip: AnnotatedClip) -> float:
    """Returns the panoptic quality of the two results against each other."""
    ours, wanted = (each.panoptic(clip.frames[0]) for each in (subject, reference))
    things = reference.object_finder().labels.num_things
    return mutual_panoptic_quality(ours.panoptic_map, wanted.panoptic_map, wanted.void, things)


def prompt_agreement(subject: Segmenter, reference: Segmenter, clip: AnnotatedClip) -> float:
    """Returns the mean IoU of the masks of all prompts, a click and a box for each annotated region.

    Masks that are empty on both sides are alike, and so are images without a region.
    """
    masks = seen_masks(clip)
    if not len(masks):
        return 1.0
    prompts = PromptSet.of(*prompts_for(masks, reference.prompt_spec()))
    ours, wanted = (each.segment(clip.frames[0], prompts).masks for each in (subject, reference))
    pairs = zip(ours, wanted, strict=True)
    return float(np.mean([mask_iou(mine[None], theirs[None])[0, 0] for mine, theirs in pairs]))
