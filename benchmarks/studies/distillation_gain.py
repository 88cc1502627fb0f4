"""What prompts in the loop add to a student, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rapsam.benchmarks.studies.distillation_records import ByImage, ImageIous

RESAMPLES = 10_000
LEVEL = 0.95
_SEED = 0

Iou = Callable[[ImageIous], float]


class Gain(NamedTuple):
    """A difference of mean IoUs, and between what it lies in 95 of 100 drawings of the images."""

    low: float
    gain: float
    high: float


def paired_gain(by_image: ByImage, iou: Iou) -> Gain:
    """Estimates the difference of the mean IoU over regions, after by before prompts in the loop.

    A paired bootstrap over images, not over regions, because those of one image are alike: whole images are
    drawn with replacement, the same ones for both. It says how the difference hangs on the images that were
    taken, and nothing of other runs of the training.

    Args:
        by_image: The student, image by image.
        iou: Which of its figures.
    """
    before, after = by_image.encoder, by_image.in_the_loop
    regions = np.array([image.regions for image in before], np.float64)
    more = np.array([iou(new) - iou(old) for old, new in zip(before, after, strict=True)]) * regions
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(len(regions), size=(RESAMPLES, len(regions)))
    gains = more[drawn].sum(axis=1) / regions[drawn].sum(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(gains, (tail, 1 - tail))
    return Gain(float(low), float(more.sum() / regions.sum()), float(high))
