"""Changes of brightness, contrast and saturation, the same for all frames of a clip."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from rapsam.tasks.arrays import Pixels

# Luma of ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class ColourChange(NamedTuple):
    """Factors; 1 changes nothing.

    Attributes:
        brightness: Of every value.
        contrast: Of the distance from the mean luma.
        saturation: Of the distance from a pixel's own luma.
    """

    brightness: float
    contrast: float
    saturation: float

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> Self:
        """Draws three factors, uniform in 1 - strength .. 1 + strength and never negative."""
        low = max(0.0, 1.0 - strength)
        return cls(*rng.uniform(low, 1.0 + strength, 3))

    def applied(self, image: Pixels) -> Pixels:
        """Changes an image (h, w, 3) uint8."""
        if self == (1.0, 1.0, 1.0):
            return image
        values = image.astype(np.float32) * np.float32(self.brightness)
        luma = (values @ _LUMA)[..., None]
        values = luma + (values - luma) * np.float32(self.saturation)
        mean = luma.mean()
        values = mean + (values - mean) * np.float32(self.contrast)
        return np.asarray(np.clip(values + np.float32(0.5), 0, 255), np.uint8)
