"""Painting things: what they cover, their surface, their shading and their shadow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from rapsam.data.synth.noise import Rng
from rapsam.data.synth.outlines import BASE, SECOND, Points
from rapsam.data.synth.patterns import second_share
from rapsam.data.synth.raster import Box, Sheet, box_around
from rapsam.data.synth.things import Pose, Thing
from rapsam.tasks.arrays import Floats


class Light(NamedTuple):
    """The lamp of a scene.

    Attributes:
        x: Where the light goes, of a vector of length 1.
        y: The same.
        shade: How much darker the far side of a thing is, 0..1.
        shadow: Darkness of a cast shadow, 0..1.
        reach: Length of a shadow in pixels.
        softness: Radius of its blur in pixels.
    """

    x: float
    y: float
    shade: float
    shadow: float
    reach: float
    softness: float


class Silhouette(NamedTuple):
    """What a thing covers: (height, width) coverage 0..1 of the pixels of a box."""

    box: Box
    coverage: Floats

    @property
    def area(self) -> int:
        """Pixels that it covers to a half at least, in the picture or beyond."""
        return int((self.coverage >= 0.5).sum())


def any_light(rng: Rng, unit: float) -> Light:
    """Draws a lamp that stands above the things, to the left or to the right."""
    angle = rng.uniform(0.15, 0.85) * np.pi
    strong = rng.random() < 0.75
    return Light(
        x=float(np.cos(angle)),
        y=float(np.sin(angle)),
        shade=float(rng.uniform(0.1, 0.6)),
        shadow=float(rng.uniform(0.2, 0.55)) if strong else 0.0,
        reach=float(rng.uniform(2, 8)) * unit,
        softness=float(rng.uniform(1, 4)) * unit,
    )


def silhouette(thing: Thing, pose: Pose, margin: int) -> Silhouette:
    """Draws what a thing covers, in a box wider by a margin than itself."""
    body = [_placed(points, pose) for points in thing.outline.body]
    box = box_around(body, margin)
    sheet = Sheet(box)
    for points in body:
        sheet.fill(points, 255)
    for points in thing.outline.holes:
        sheet.fill(_placed(points, pose), 0)
    return Silhouette(box, sheet.coverage())


def paint(canvas: Floats, thing: Thing, pose: Pose, covered: Silhouette, light: Light) -> None:
    """Paints a thing and its shadow onto a picture.

    Args:
        canvas: (height, width, 3) float32 RGB, changed in place.
        thing: What to paint.
        pose: Where.
        covered: Its silhouette there.
        light: The lamp.
    """
    here, part = covered.box.clipped(canvas.shape[:2]), covered.box.inside(canvas.shape[:2])
    alpha = covered.coverage[part][..., None]
    if alpha.size == 0:
        return
    surface = _surface(thing, pose, covered)
    surface *= _shading(thing, pose, covered, light)[..., None]
    ground = canvas[here]
    if light.shadow:
        ground = ground * (1 - np.float32(light.shadow) * _shadow(covered, light)[part][..., None])
    canvas[here] = ground + alpha * (np.clip(surface[part], 0, 1) - ground)


def _matrix(pose: Pose) -> Points:
    cos, sin, root = np.cos(pose.angle), np.sin(pose.angle), np.sqrt(pose.stretch)
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.asarray(turn @ np.diag([pose.side * root * pose.flip, pose.side / root]))


def _placed(points: Points, pose: Pose) -> Points:
    return np.asarray(points @ _matrix(pose).T + (pose.x, pose.y))


def _surface(thing: Thing, pose: Pose, covered: Silhouette) -> Floats:
    """Returns the unlit colours of the whole box."""
    box = covered.box
    inverse = np.linalg.inv(_matrix(pose)).astype(np.float32)
    x = np.arange(box.width, dtype=np.float32) + np.float32(box.left + 0.5 - pose.x)
    y = (np.arange(box.height, dtype=np.float32) + np.float32(box.top + 0.5 - pose.y))[:, None]
    share = second_share(
        thing.pattern,
        inverse[0, 0] * x + inverse[0, 1] * y,
        inverse[1, 0] * x + inverse[1, 1] * y,
        1 / pose.side,
    )[..., None]
    colours = thing.colours[BASE] + share * (thing.colours[SECOND] - thing.colours[BASE])
    for place in sorted({part.colour for part in thing.outline.parts} - {BASE}):
        over = _part_coverage(thing, pose, box, place)
        colours += over[..., None] * (thing.colours[place] - colours)
    if thing.border:
        colours += _border_coverage(thing, pose, box)[..., None] * (thing.border_colour - colours)
    return np.asarray(colours)


def _part_coverage(thing: Thing, pose: Pose, box: Box, place: int) -> Floats:
    """Returns where the parts of one colour are seen: later parts of another colour hide them."""
    sheet = Sheet(box)
    for part in thing.outline.parts:
        sheet.fill(_placed(part.points, pose), 255 if part.colour == place else 0)
    return sheet.coverage()


def _border_coverage(thing: Thing, pose: Pose, box: Box) -> Floats:
    """Returns where the border is drawn; its outer half is cut off with all that is beyond the body."""
    sheet = Sheet(box)
    for points in (*thing.outline.body, *thing.outline.holes):
        sheet.line(_placed(points, pose), 2 * thing.border * pose.side)
    return sheet.coverage()


def _shading(thing: Thing, pose: Pose, covered: Silhouette, light: Light) -> Floats:
    """Returns brightness factors: a slope over the whole thing, and rounded edges."""
    box = covered.box
    x = (np.arange(box.width, dtype=np.float32) + np.float32(box.left - pose.x)) / np.float32(pose.side)
    y = (np.arange(box.height, dtype=np.float32) + np.float32(box.top - pose.y)) / np.float32(pose.side)
    slope = np.float32(light.shade) * (np.float32(light.x) * x + np.float32(light.y) * y[:, None])
    radius = max(0.05 * pose.side, 1.0)
    height = _blurred(covered.coverage, radius)
    down, right = np.gradient(height)
    edge = (np.float32(light.x) * right + np.float32(light.y) * down) * np.float32(radius * thing.relief)
    return np.asarray(1 - slope + edge)


def _shadow(covered: Silhouette, light: Light) -> Floats:
    """Returns the shadow beside and below a thing, 0..1."""
    right, down = round(light.x * light.reach), round(light.y * light.reach)
    rolled = np.roll(covered.coverage, (down, right), (0, 1))
    return _blurred(rolled, light.softness)


def _blurred(values: Floats, radius: float) -> Floats:
    picture = Image.fromarray((values * 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255)
