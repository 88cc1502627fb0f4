"""Drawing videos: things that move, enter, leave and hide each other before a camera that pans."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
from PIL import Image

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.backdrop import draw_backdrop
from rapsam.data.synth.camera import any_camera, photograph
from rapsam.data.synth.motion import PAN, Motion, Pan, any_motion, any_pan, camera_at, pose_at
from rapsam.data.synth.noise import Size, generator
from rapsam.data.synth.painting import any_light
from rapsam.data.synth.scene import (
    Placed,
    paint_things,
    place_things,
    recognisable,
    silhouettes,
    unit_of,
    visible,
)
from rapsam.tasks.arrays import Floats

NUM_FRAMES = 10

_VIDEOS = 2
_ROOM = 0.25
"""How far outside the picture things may start, of its sides."""


def draw_video(
    seed: int,
    index: int,
    num_frames: int = NUM_FRAMES,
    size: Size = (256, 256),
    frames: Sequence[int] | None = None,
) -> AnnotatedClip:
    """Draws a video with its things: the same for the same arguments.

    Args:
        seed: Of the world, from 0.
        index: Of the video in it, from 0.
        num_frames: Frames of the whole video.
        size: Height and width in pixels.
        frames: Those to draw, all without names. The things are those of the whole video.

    Returns:
        A clip. Classes are those of the label set "synth", but as in YouTube-VIS there are only masks of
        things: stuff is seen and not annotated. A thing of which next to nothing is seen in a frame has no
        mask there.
    """
    rng = generator(seed, _VIDEOS, index)
    unit, edge = unit_of(size), int(PAN * min(size)) + 2
    wide = (size[0] + 2 * edge, size[1] + 2 * edge)
    backdrop, light = draw_backdrop(rng, wide, unit), any_light(rng, unit)
    placed = place_things(rng, backdrop, size, _ROOM)
    path = _Path([any_motion(rng, one, (size, edge)) for one in placed], any_pan(rng, size), edge)
    camera, ground = any_camera(rng, unit), _as_image(backdrop.pixels)

    moments = [path.at(placed, frame) for frame in range(num_frames)]
    covered = [silhouettes(moment, light) for moment in moments]
    kept = recognisable(covered, size)
    pictures, masks = [], []
    for frame in range(num_frames) if frames is None else frames:
        shown, solid = list(compress(moments[frame], kept)), list(compress(covered[frame], kept))
        canvas = _seen_ground(ground, path.corner(frame), size)
        paint_things(canvas, shown, solid, light)
        pictures.append(photograph(generator(seed, _VIDEOS, index, 1 + frame), camera, canvas))
        masks.append(visible(solid, size))
    classes = [one.thing.class_index for one in compress(placed, kept)]
    return AnnotatedClip(
        name=f"{index + 1:010d}",
        key=index + 1,
        frames=np.stack(pictures),
        masks=np.stack(masks, 1),
        classes=np.array(classes, np.int64),
        crowd=np.zeros(len(classes), np.bool_),
        ids=np.arange(1, len(classes) + 1),
    )


class _Path(NamedTuple):
    """The movements of a video."""

    motions: list[Motion]
    pan: Pan
    edge: int

    def corner(self, frame: int) -> tuple[float, float]:
        """Returns where the picture begins on the backdrop, x and y."""
        x, y = camera_at(self.pan, frame)
        return self.edge + x, self.edge + y

    def at(self, placed: list[Placed], frame: int) -> list[Placed]:
        """Returns where things that were placed on the backdrop are in the picture of a frame."""
        left, top = self.corner(frame)
        moved = []
        for one, motion in zip(placed, self.motions, strict=True):
            pose = pose_at(one.pose, motion, frame)
            moved.append(Placed(one.thing, pose._replace(x=pose.x - left, y=pose.y - top)))
        return moved


def _as_image(pixels: Floats) -> Image.Image:
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def _seen_ground(ground: Image.Image, corner: tuple[float, float], size: Size) -> Floats:
    """Cuts the picture out of the backdrop, between its pixels too."""
    shift = (1, 0, corner[0], 0, 1, corner[1])
    seen = ground.transform((size[1], size[0]), Image.Transform.AFFINE, shift, Image.Resampling.BICUBIC)
    return np.asarray(seen, np.float32) / np.float32(255)
