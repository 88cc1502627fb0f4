"""Prompts of every kind that a model takes as points: from a seed, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rapsam.tasks.arrays import Floats
from rapsam.tasks.geometry import ImageGeometry, Size
from rapsam.tasks.prompt_encoding import mask_prompt_size
from rapsam.tasks.prompt_set import Box, Prompt, PromptSet, PromptSpec

_CENTRE = (0.5, 0.45)
_STRENGTH = 8.0
"""Of a drawn mask: its largest logit, about what networks answer inside of objects."""


def every_kind_of_prompt(spec: PromptSpec, count: int, geometry: ImageGeometry) -> PromptSet:
    """Makes prompts in pixels of an image.

    The first is a point in the middle, if the model takes points. Then all kinds that it takes follow in
    turns: a box, several points with negative ones, points with a box, a mask with a point, a mask alone.

    Args:
        spec: What the model takes.
        count: Number of prompts.
        geometry: Sizes of the image.
    """
    rng = np.random.default_rng(count)
    prompts: list[Prompt] = []
    while len(prompts) < count:
        prompts += _one_of_each(spec, rng, geometry, first=not prompts)
    return PromptSet(tuple(prompts[:count]))


def _one_of_each(
    spec: PromptSpec, rng: np.random.Generator, geometry: ImageGeometry, *, first: bool
) -> Iterator[Prompt]:
    size = geometry.original_size
    if spec.max_points:
        place = (size[1] * _CENTRE[0], size[0] * _CENTRE[1])
        yield Prompt(points=(place,), positive=(True,)) if first else _points(spec, rng, size, 1)
    if spec.boxes:
        yield Prompt(box=_box(rng, size))
    if spec.max_points > 1:
        yield _points(spec, rng, size, spec.max_points)
    if spec.points_with_box:
        yield _points(spec, rng, size, 1)._replace(box=_box(rng, size))
    if spec.masks:
        mask = _mask(rng, mask_prompt_size(spec, geometry.padded_size))
        if spec.max_points:
            yield _points(spec, rng, size, 1)._replace(mask=mask)
        yield Prompt(mask=mask)


def _points(spec: PromptSpec, rng: np.random.Generator, size: Size, count: int) -> Prompt:
    """Draws points, every second one negative where the model takes such."""
    places = rng.uniform(0.02, 0.98, (count, 2)) * (size[1], size[0])
    return Prompt(
        points=tuple((float(x), float(y)) for x, y in places),
        positive=tuple(not (spec.negative_points and place % 2) for place in range(count)),
    )


def _box(rng: np.random.Generator, size: Size) -> Box:
    low, high = np.sort(rng.uniform(0.02, 0.98, (2, 2)), axis=0) * (size[1], size[0])
    # Two corners of an image of few pixels may fall together.
    high = np.maximum(high, low + 0.01)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _mask(rng: np.random.Generator, size: Size) -> Floats:
    """Draws logits that fall from the middle of a disc outwards."""
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    centre = rng.uniform(0.2, 0.5, 2)
    return np.asarray(_STRENGTH * (1 - np.hypot(y - centre[0], x - centre[1]) / 0.25), np.float32)
