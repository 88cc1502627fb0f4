"""What scores bundles for a budget; the data and the metrics are not this room's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rapsam.export.bundle.quantisation import Figure, FigureDrop
from rapsam.inference.segmenter import Segmenter


class Meter(Protocol):
    """Annotated images, and how much worse one segmenter is on them than another.

    Attributes:
        data: Where the images come from, in words.
        key: Digest of the images and their annotations.
        figures: What it tells.
        images: How many there are.
        pixels_sha256: Digest of each image's pixels, to its name.
    """

    data: str
    key: str
    figures: tuple[Figure, ...]
    images: int
    pixels_sha256: Mapping[str, str]

    def drops(self, subject: Segmenter, reference: Segmenter, images: range) -> tuple[FigureDrop, ...]:
        """Scores both on some of the images.

        Args:
            subject: Is judged.
            reference: Is what it is judged by.
            images: Places of neighbouring ones, within `range(self.images)`.
        """
        ...
