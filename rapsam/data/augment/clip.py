"""Crops of annotated clips: one resize and flip for all frames, one crop each or one for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rapsam.data.augment.colour import ColourChange
from rapsam.data.augment.view import View, random_view, resized_by, view_image, view_masks
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.tasks.arrays import Indices, Masks, Pixels
from rapsam.tasks.geometry import Size

_TRIES = 10


class CroppedClip(NamedTuple):
    """What is left of a clip in its crops.

    Attributes:
        frames: T images (h, w, 3) uint8, at most as large as the crop, each with its own size.
        masks: T arrays (N, h, w) bool.
        classes: (N,) int64.
    """

    frames: tuple[Pixels, ...]
    masks: tuple[Masks, ...]
    classes: Indices


class CropRecipe(NamedTuple):
    """How crops are drawn.

    Attributes:
        size: (height, width) of the crop, and of the image at a resize factor of 1.
        factors: Smallest and largest factor.
        flip: Share of mirrored clips.
        colour: Strength of the change of colours, 0 for none.
    """

    size: Size
    factors: tuple[float, float]
    flip: float
    colour: float


def crop_clip(rng: np.random.Generator, clip: AnnotatedClip, recipe: CropRecipe) -> CroppedClip:
    """Cuts all frames of a video at the same place (large-scale jitter, Ghiasi et al., 2021)."""
    return _crop(rng, clip, recipe, range(len(clip.frames)), same_place=True)


def pseudo_video(
    rng: np.random.Generator, clip: AnnotatedClip, recipe: CropRecipe, frames: int
) -> CroppedClip:
    """Makes a video of an image: frames with the same resize and flip, each cropped on its own."""
    return _crop(rng, clip, recipe, [0] * frames, same_place=False)


def _crop(
    rng: np.random.Generator,
    clip: AnnotatedClip,
    recipe: CropRecipe,
    sources: Sequence[int],
    *,
    same_place: bool,
) -> CroppedClip:
    original = (clip.frames.shape[1], clip.frames.shape[2])
    mirrored = bool(rng.random() < recipe.flip)
    colour = ColourChange.draw(rng, recipe.colour)
    # A crop may miss every object; another try is cheaper than a sample without a lesson.
    for _ in range(_TRIES):
        resized = resized_by(original, recipe.size, rng.uniform(*recipe.factors))
        first = random_view(rng, resized, recipe.size, mirrored=mirrored)
        views = [
            first if same_place or place == 0 else random_view(rng, resized, recipe.size, mirrored=mirrored)
            for place in range(len(sources))
        ]
        masks = [view_masks(clip.masks[:, frame], view) for frame, view in zip(sources, views, strict=True)]
        seen = np.logical_or.reduce([part.any(axis=(1, 2)) for part in masks])
        if seen.any() or not len(seen):
            break
    images = [_image(clip, frame, view, colour) for frame, view in zip(sources, views, strict=True)]
    return CroppedClip(tuple(images), tuple(part[seen] for part in masks), clip.classes[seen])


def _image(clip: AnnotatedClip, frame: int, view: View, colour: ColourChange) -> Pixels:
    return colour.applied(view_image(clip.frames[frame], view))
