"""The stuff classes: surfaces that are told apart by their texture."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from rapsam.data.synth.colours import colour
from rapsam.data.synth.noise import Rng, Size, octaves, smooth_noise, step
from rapsam.tasks.arrays import Floats

_NATURAL = 0.5
"""How often a surface has its natural hue."""


class Surface(NamedTuple):
    """A stuff class.

    Attributes:
        draw: Makes (height, width, 3) float32 RGB of random numbers, a size, a hue, and the pixels of a
            unit: textures grow with the picture.
        hues: From and to, of its natural colours in 0..1.
    """

    draw: Callable[[Rng, Size, float, float], Floats]
    hues: tuple[float, float]


def draw_surface(rng: Rng, surface: Surface, size: Size, unit: float) -> Floats:
    """Draws a surface, in its natural hue or in any other."""
    hue = rng.uniform(*surface.hues) if rng.random() < _NATURAL else rng.random()
    return surface.draw(rng, size, float(hue), unit)


def sky(rng: Rng, size: Size, hue: float, unit: float) -> Floats:
    """A smooth slope from top to horizon with soft clouds that lie flat."""
    top = colour(hue, rng.uniform(0.25, 0.8), rng.uniform(0.45, 0.95))
    low = colour(hue + rng.uniform(-0.08, 0.08), rng.uniform(0.05, 0.4), rng.uniform(0.7, 1.0))
    down = np.linspace(0, 1, size[0], dtype=np.float32)[:, None, None]
    cloud = colour(hue, rng.uniform(0, 0.15), rng.uniform(0.8, 1.0))
    flat = rng.uniform(1.5, 3)
    noise = octaves(rng, size, (32 * unit, 32 * unit * flat), 3)
    cover = step(noise - np.float32(rng.uniform(0.2, 1.2)), 1.4)[..., None] * np.float32(0.85)
    slope = top + down * (low - top)
    return np.asarray(slope + cover * (cloud - slope))


def water(rng: Rng, size: Size, hue: float, unit: float) -> Floats:
    """Long level ripples with broken crests, finer towards the top."""
    deep, light = _tones(rng, hue, 0.25)
    y = np.arange(size[0], dtype=np.float32)[:, None] / np.float32(unit)
    period = np.float32(rng.uniform(8, 13))
    swell = smooth_noise(rng, size, (14 * unit, 46 * unit))
    phase = y / period * (1 - y * np.float32(0.0006)) + np.float32(0.28) * swell
    wave = np.sin(np.float32(2 * np.pi) * phase)
    broken = smooth_noise(rng, size, (6 * unit, 26 * unit))
    crest = step(wave + np.float32(0.45) * broken - np.float32(0.7), 0.5)
    share = np.clip(np.float32(0.42) + np.float32(0.3) * wave, 0, 1)[..., None]
    shine = np.float32(rng.uniform(0.15, 0.35)) * crest[..., None]
    return np.asarray(deep + share * (light - deep) + shine)


def grass(rng: Rng, size: Size, hue: float, unit: float) -> Floats:
    """Fine upright blades, all leaning a little to one side."""
    dark, light = _tones(rng, hue, 0.4)
    # Room to lean in.
    wide = (size[0], size[1] + size[0] // 2 + 1)
    blades = smooth_noise(rng, wide, (9 * unit, 1.7 * unit)) + smooth_noise(
        rng, wide, (16 * unit, 3.2 * unit)
    )
    lean = float(rng.uniform(-0.4, 0.4))
    picture = Image.fromarray(blades).transform(
        (size[1], size[0]),
        Image.Transform.AFFINE,
        (1, lean, max(-lean, 0) * size[0], 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    tufts = smooth_noise(rng, size, (30 * unit, 40 * unit))
    share = np.clip(0.5 + 0.28 * np.asarray(picture) + 0.12 * tufts, 0, 1)[..., None]
    return np.asarray(dark + share * (light - dark), np.float32)


def sand(rng: Rng, size: Size, hue: float, unit: float) -> Floats:
    """An even ground of fine grains, some dark, with faint dunes."""
    base = colour(hue, rng.uniform(0.1, 0.55), rng.uniform(0.5, 0.95))
    grains = smooth_noise(rng, size, (1.3 * unit, 1.3 * unit))
    dunes = smooth_noise(rng, size, (40 * unit, 60 * unit))
    brightness = 1 + np.float32(0.09) * grains + np.float32(0.05) * dunes
    dark = step(grains - np.float32(rng.uniform(1.5, 2.0)), 0.5) * np.float32(0.45)
    return np.asarray(base * (brightness - dark)[..., None])


def brick(rng: Rng, size: Size, hue: float, unit: float) -> Floats:
    """Courses of bricks or stones, each a little different, with joints."""
    stone = colour(hue, rng.uniform(0.15, 0.7), rng.uniform(0.35, 0.85))
    joint = colour(hue, rng.uniform(0, 0.2), rng.choice([0.25, 0.9]))
    turn = np.radians(rng.uniform(-10, 10))
    height = unit * rng.uniform(10, 18)
    width = height * rng.uniform(1.6, 2.6)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    across = (x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))) / np.float32(width)
    down = (y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn))) / np.float32(height)
    course = np.floor(down)
    across += course * np.float32(0.5)
    column = np.floor(across)
    edge = np.minimum(_to_edge(down - course) * height, _to_edge(across - column) * width)
    tones = rng.uniform(-0.16, 0.16, (64, 64)).astype(np.float32)
    tone = tones[course.astype(np.int32) & 63, column.astype(np.int32) & 63]
    tone += np.float32(0.04) * smooth_noise(rng, size, (2 * unit, 2 * unit))
    inside = step(edge - np.float32(unit), unit)[..., None]
    return np.asarray(joint + inside * (stone * (1 + tone)[..., None] - joint))


def foliage(rng: Rng, size: Size, hue: float, unit: float) -> Floats:
    """Round clumps of leaves, lit from above, with dark creases between them."""
    dark, light = _tones(rng, hue, 0.45)
    cell = unit * float(rng.uniform(11, 17))
    # The absolute value of smooth noise is made of bumps with sharp valleys.
    clumps = np.abs(smooth_noise(rng, size, (cell, cell)))
    leaves = np.abs(smooth_noise(rng, size, (cell / 3, cell / 3)))
    height = np.minimum(clumps, 1.2) + np.float32(0.4) * leaves
    shift = max(round(cell / 6), 1)
    slope = height - np.roll(height, (-shift, -shift), (0, 1))
    share = np.clip(0.1 + 0.5 * height - 0.3 * slope, 0, 1)[..., None]
    return np.asarray(dark * np.float32(0.6) + share * (light - dark * np.float32(0.6)), np.float32)


def _tones(rng: Rng, hue: float, contrast: float) -> tuple[Floats, Floats]:
    """Draws a darker and a lighter tone of a hue."""
    saturation, value = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.95 - contrast)
    return (
        colour(hue, min(saturation + 0.1, 1), value),
        colour(hue + rng.uniform(-0.04, 0.04), saturation, value + contrast),
    )


def _to_edge(fraction: Floats) -> Floats:
    return np.minimum(fraction, 1 - fraction)


SURFACES = {
    "sky": Surface(sky, (0.5, 0.68)),
    "water": Surface(water, (0.45, 0.65)),
    "grass": Surface(grass, (0.18, 0.36)),
    "sand": Surface(sand, (0.07, 0.15)),
    "brick": Surface(brick, (-0.04, 0.08)),
    "foliage": Surface(foliage, (0.2, 0.42)),
}
"""In the order of their class indices, which follow those of the shapes."""
