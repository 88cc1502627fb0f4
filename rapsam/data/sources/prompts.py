"""Which segments of an annotated image are asked for by points and boxes (COCO-SAM)."""

from __future__ import annotations

import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip

MIN_PIXELS = 32
NO_CLASS = -1


def prompt_segments(clip: AnnotatedClip) -> AnnotatedClip:
    """Keeps the segments that serve as prompts, as the original takes them.

    These are things and stuff alike, without their classes. Regions of many objects ("crowd") are left
    out, for a prompt asks for one; so are segments of fewer than `MIN_PIXELS` pixels in all frames.

    Returns:
        The clip with K <= N segments, all of class `NO_CLASS`; K may be 0.
    """
    kept = ~clip.crowd & (np.count_nonzero(clip.masks, axis=(1, 2, 3)) >= MIN_PIXELS)
    return clip._replace(
        masks=clip.masks[kept],
        classes=np.full(np.count_nonzero(kept), NO_CLASS, np.int64),
        crowd=clip.crowd[kept],
        ids=clip.ids[kept],
    )
