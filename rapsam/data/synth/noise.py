"""Random numbers of a scene and the smooth noise that surfaces are made of."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rapsam.tasks.arrays import Floats

Rng = np.random.Generator
Size = tuple[int, int]


def generator(*seed: int) -> Rng:
    """Returns the random numbers of a seed: the same on every machine with the same NumPy."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))


def smooth_noise(rng: Rng, size: Size, cell: tuple[float, float]) -> Floats:
    """Draws bicubic noise of mean 0 and a deviation of about 1.

    Args:
        rng: Random numbers.
        size: Height and width.
        cell: Height and width of its bumps in pixels.

    Returns:
        (height, width) float32.
    """
    height, width = (side / step for side, step in zip(size, cell, strict=True))
    # Four cells more than are seen: bicubic interpolation looks two cells beyond each side.
    grid = rng.standard_normal((int(height) + 5, int(width) + 5), np.float32)
    top, left = rng.random(2) + 2
    box = (left, top, left + width, top + height)
    picture = Image.fromarray(grid).resize((size[1], size[0]), Image.Resampling.BICUBIC, box=box)
    return np.array(picture)


def octaves(rng: Rng, size: Size, cell: tuple[float, float], count: int) -> Floats:
    """Adds noises, each with half the cell and half the height of the one before; deviation about 1."""
    total = np.zeros(size, np.float32)
    for k in range(count):
        total += smooth_noise(rng, size, (cell[0] / 2**k, cell[1] / 2**k)) / 2**k
    return total / np.float32(1.15)


def step(values: Floats, width: float) -> Floats:
    """Turns signed distances into a soft step from 0 to 1 over `width` around 0."""
    return np.clip(values / np.float32(width) + np.float32(0.5), 0, 1)
