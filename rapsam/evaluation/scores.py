"""Scores: what is done with each annotated clip, and which accumulators count it."""

from __future__ import annotations

from typing import Any, Protocol

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.inference.segmenter import Segmenter
from rapsam.metrics.accumulator import Accumulator

Part = Accumulator[Any, Any]


class Scores(Protocol):
    """Takes annotated clips one by one.

    Attributes:
        parts: Accumulators by name; their states are all that an interrupted evaluation needs.
    """

    parts: dict[str, Part]

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """Predicts a clip and counts the result.

        Args:
            segmenter: The network.
            clip: Its classes are those of the network, -1 where it knows none.
        """
        ...


def with_known_classes(clip: AnnotatedClip) -> AnnotatedClip:
    """Leaves segments of classes that the network does not know out; their pixels become void."""
    return clip.with_segments(clip.classes >= 0)
