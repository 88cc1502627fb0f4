"""Whole images for networks that answer points: fitted into their square, with prompts of some regions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rapsam.data.augment.prompts import click_in
from rapsam.data.augment.view import View, view_masks
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Masks
from rapsam.tasks.instances import tight_box
from rapsam.tasks.preprocess import NetworkInput, normalised_square
from rapsam.tasks.prompt_encoding import BOTTOM_RIGHT, INSIDE, PADDING, TOP_LEFT
from rapsam.training.batch import PointSample
from rapsam.training.config import DataConfig

_SLOTS = 2
"""A point with the padding behind it, or the corners of a box."""


def point_sample(
    number: int,
    rng: np.random.Generator,
    clip: AnnotatedClip,
    config: DataConfig,
    *,
    asks: bool,
    embedding: Tensor | None,
) -> PointSample:
    """Makes a sample of an image.

    Args:
        number: Of the sample.
        rng: Draws prompts.
        clip: An image.
        config: Side of the square, and what is asked.
        asks: Whether there are to be prompts.
        embedding: That of the teacher, if there is one. Its masks are learnt then, and those of the image
            are not carried along: prompts alone are drawn from them.

    Raises:
        InputError: If there are to be prompts, and no region is large enough.
    """
    fitted = normalised_square(clip.frames[0], config.height)
    masks = _large_masks(clip, fitted, config.min_prompt_area) if asks else _no_masks(config.height)
    masks = masks[rng.permutation(len(masks))[: config.prompts]]
    boxed = bool(rng.random() < config.box_prompts)
    points = np.zeros((len(masks), _SLOTS, 2), np.float32)
    for place, mask in zip(points, masks, strict=True):
        place[:] = _corners(mask) if boxed else [click_in(rng, mask, config.clicks), (0, 0)]
    labels = (TOP_LEFT, BOTTOM_RIGHT) if boxed else (INSIDE, PADDING)
    return PointSample(
        number=number,
        name=clip.name,
        frames=torch.from_numpy(fitted.pixels),
        content=fitted.geometry.content_size,
        points=torch.from_numpy(points),
        labels=torch.tensor(labels, dtype=torch.float32).expand(len(masks), -1),
        masks=torch.from_numpy(masks if embedding is None else _no_masks(config.height)),
        embedding=torch.zeros(0, 0, 0) if embedding is None else embedding,
    )


def _large_masks(clip: AnnotatedClip, fitted: NetworkInput, area: int) -> Masks:
    height, width = fitted.geometry.content_size
    seen = view_masks(clip.masks[:, 0], View((height, width), 0, 0, (height, width), mirrored=False))
    seen = seen[seen.sum(axis=(1, 2)) >= area]
    if not len(seen):
        raise InputError(f"{clip.name} has no segment of {area} px to prompt; expected at least one")
    masks = np.zeros((len(seen), *fitted.geometry.padded_size), np.bool_)
    masks[:, :height, :width] = seen
    return masks


def _no_masks(side: int) -> Masks:
    return np.zeros((0, side, side), np.bool_)


def _corners(mask: Masks) -> Floats:
    return np.asarray(tight_box(mask).reshape(2, 2), np.float32)
