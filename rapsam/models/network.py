"""What every network of every family has beside its own parts."""

from __future__ import annotations

from abc import abstractmethod

from torch import nn

from rapsam.models.origins import RANDOM_WEIGHTS
from rapsam.models.text_classifier import TextClassifier


class SegmentationNetwork(nn.Module):
    """A trainable network of any family.

    Attributes:
        name: Name of the variant.
        weights: Where the weights come from.
        trained_sides: Long and short side that images had in training, if that is known.
        text_classifier: Names what it finds; None for a network that knows no classes.
    """

    text_classifier: TextClassifier | None

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.weights = RANDOM_WEIGHTS
        self.trained_sides: tuple[int, int] | None = None

    @abstractmethod
    def test_sides(self, *, video: bool) -> tuple[int, int]:
        """Returns the (long, short) sides that images are resized to fit: as in training, or as published."""
