"""Drawing single images."""

from __future__ import annotations

from itertools import compress

import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.backdrop import draw_backdrop
from rapsam.data.synth.camera import any_camera, photograph
from rapsam.data.synth.noise import Size, generator
from rapsam.data.synth.painting import any_light
from rapsam.data.synth.scene import (
    paint_things,
    place_things,
    recognisable,
    silhouettes,
    unit_of,
    visible,
)
from rapsam.data.synth.shapes import SHAPES
from rapsam.data.synth.surfaces import SURFACES
from rapsam.tasks.arrays import Ids, Indices, Masks

MIN_STUFF = 0.005
"""Share of the picture below which the rest of a surface is void."""

_IMAGES = 1
_ROOM = 0.0


def draw_image(seed: int, index: int, size: Size = (256, 256)) -> AnnotatedClip:
    """Draws an image with its things and stuff: the same for the same arguments.

    Args:
        seed: Of the world, from 0.
        index: Of the image in it, from 0.
        size: Height and width in pixels.

    Returns:
        A clip of one frame. Classes are those of the label set "synth". Masks are what is seen; things that
        are hardly seen are not there, and small rests of stuff are void. Ids are 24-bit numbers.
    """
    rng = generator(seed, _IMAGES, index)
    unit = unit_of(size)
    backdrop, light = draw_backdrop(rng, size, unit), any_light(rng, unit)
    placed = place_things(rng, backdrop, size, _ROOM)
    covered = silhouettes(placed, light)
    kept = recognisable([covered], size)
    placed, covered = list(compress(placed, kept)), list(compress(covered, kept))
    paint_things(backdrop.pixels, placed, covered, light)
    frame = photograph(rng, any_camera(rng, unit), backdrop.pixels)
    things = visible(covered, size)
    stuff_masks, stuff_classes = _stuff(backdrop.surfaces, things)
    masks = np.concatenate([things, stuff_masks])
    return AnnotatedClip(
        name=f"{index + 1:012d}.jpg",
        key=index + 1,
        frames=frame[None],
        masks=masks[:, None],
        classes=np.array([*(one.thing.class_index for one in placed), *stuff_classes], np.int64),
        crowd=np.zeros(len(masks), np.bool_),
        ids=_segment_ids(rng.integers(1, 2**24, 4 * len(masks)), len(masks)),
    )


def _stuff(surfaces: Ids, things: Masks) -> tuple[Masks, list[int]]:
    """Returns the masks and classes of the surfaces that are seen between the things."""
    free = ~things.any(0)
    masks = np.stack([(surfaces == place) & free for place in range(len(SURFACES))])
    seen = masks.sum((1, 2)) >= MIN_STUFF * free.size
    return masks[seen], [len(SHAPES) + int(place) for place in np.flatnonzero(seen)]


def _segment_ids(drawn: Indices, count: int) -> Indices:
    """Takes the first numbers that differ."""
    return np.array(list(dict.fromkeys(drawn.tolist()))[:count], np.int64)
