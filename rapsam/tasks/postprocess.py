"""The thresholds between a network's outputs and results."""

from __future__ import annotations

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class PostprocessSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of the tasks.

    Attributes:
        score_threshold: Panoptic: class probability that a query must exceed.
        overlap_threshold: Panoptic: share of its own mask that a query must win.
        top_k: Instances: candidates per image.
    """

    score_threshold: Share
    overlap_threshold: Share
    top_k: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100


LENIENT = PostprocessSpec(score_threshold=0.4, overlap_threshold=0.25)
"""Thresholds at which weights that have learnt little, or nothing, give segments too."""
