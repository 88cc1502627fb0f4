"""Scenes: a backdrop, a lamp, a camera, and things from the back to the front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rapsam.data.synth.backdrop import Backdrop
from rapsam.data.synth.noise import Rng, Size
from rapsam.data.synth.painting import Light, Silhouette, paint, silhouette
from rapsam.data.synth.things import Pose, Thing, any_pose, any_thing
from rapsam.tasks.arrays import Floats, Masks

SMALLEST, LARGEST = 0.08, 0.7
"""Side of a thing, of the short side of the picture."""

MIN_PIXELS = 24
"""A thing of which fewer pixels are seen is not annotated."""

_MIN_SEEN = 0.4
"""A thing of which a smaller share is seen could not be named."""

_MEAN_THINGS = 5.5
"""Per picture."""
_MOST_THINGS = 14


class Placed(NamedTuple):
    """A thing and where it is."""

    thing: Thing
    pose: Pose


def unit_of(size: Size) -> float:
    """Returns the pixels of a unit: 1 where the short side is 256; finer textures would vanish."""
    return max(min(size) / 256, 0.5)


def place_things(rng: Rng, backdrop: Backdrop, size: Size, room: float) -> list[Placed]:
    """Draws things at all scales, large ones mostly behind small ones.

    Args:
        rng: Random numbers.
        backdrop: What they are put on; the picture is its middle.
        size: Height and width of the picture.
        room: How far outside the picture their middles may be, of its sides.

    Returns:
        Things from the back to the front, in pixels of the backdrop.
    """
    mean = _MEAN_THINGS * (1 + 2 * room) - 1
    count = min(1 + int(rng.poisson(mean)), _MOST_THINGS)
    sides = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST), count)) * min(size)
    order = np.argsort(-sides * np.exp(rng.normal(0, 0.5, count)))
    edge = (np.array(backdrop.surfaces.shape) - size) / 2
    placed = []
    for side in sides[order]:
        y, x = edge + rng.uniform(-room, 1 + room, 2) * size
        thing = any_thing(rng, float(side), unit_of(size), _colour_at(backdrop.pixels, y, x, side))
        placed.append(Placed(thing, any_pose(rng, thing.class_index, float(x), float(y), float(side))))
    return placed


def silhouettes(placed: Sequence[Placed], light: Light) -> list[Silhouette]:
    """Draws what each thing covers, with room for its shadow."""
    margin = int(light.reach + 3 * light.softness) + 2
    return [silhouette(one.thing, one.pose, margin) for one in placed]


def recognisable(frames: Sequence[Sequence[Silhouette]], size: Size) -> list[bool]:
    """Tells which things show enough of themselves in some frame; the others are best left out.

    A thing that is left out hides nothing, so each is judged behind those that stay.

    Args:
        frames: For each frame, what the things cover, from the back to the front.
        size: Height and width of the picture.
    """
    taken = np.zeros((len(frames), *size), np.bool_)
    kept = []
    for thing in reversed(range(len(frames[0]))):
        masks = np.stack([_solid(frame[thing], size) for frame in frames])
        seen = (masks & ~taken).sum((1, 2))
        needed = [max(MIN_PIXELS, _MIN_SEEN * frame[thing].area) for frame in frames]
        kept.append(bool((seen >= needed).any()))
        if kept[-1]:
            taken |= masks
    return kept[::-1]


def visible(covered: Sequence[Silhouette], size: Size) -> Masks:
    """Returns which pixels show each thing: it covers half of the pixel, and nothing before it does.

    Args:
        covered: From the back to the front.
        size: Height and width of the picture.

    Returns:
        (things, height, width) bool; all false for a thing of which fewer than `MIN_PIXELS` are seen.
    """
    masks = np.zeros((len(covered), *size), np.bool_)
    taken = np.zeros(size, np.bool_)
    for place in reversed(range(len(covered))):
        solid = _solid(covered[place], size)
        seen = solid & ~taken
        if seen.sum() >= MIN_PIXELS:
            masks[place] = seen
        taken |= solid
    return masks


def paint_things(
    canvas: Floats, placed: Sequence[Placed], covered: Sequence[Silhouette], light: Light
) -> None:
    """Paints things and their shadows onto a picture, which is changed, from the back to the front."""
    for one, solid in zip(placed, covered, strict=True):
        paint(canvas, one.thing, one.pose, solid, light)


def _solid(covered: Silhouette, size: Size) -> Masks:
    mask = np.zeros(size, np.bool_)
    mask[covered.box.clipped(size)] = covered.coverage[covered.box.inside(size)] >= 0.5
    return mask


def _colour_at(pixels: Floats, y: float, x: float, side: float) -> Floats:
    """Returns the mean colour of a square, or of the nearest one inside the picture."""
    half = max(side / 3, 2)
    height, width = pixels.shape[:2]
    y, x = np.clip(y, half, height - half), np.clip(x, half, width - half)
    square = pixels[int(y - half) : int(y + half), int(x - half) : int(x + half)]
    return np.asarray(square.mean((0, 1)))
