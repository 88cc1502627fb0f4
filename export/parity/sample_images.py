"""Images and prompts for parity and self-tests that need no file: from a seed, the same on every machine."""

from __future__ import annotations

import numpy as np

from rapsam.contract import Role
from rapsam.export.parity.sample_points import every_kind_of_prompt
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import PromptSpec

_SHAPES = 14


def sample_images() -> dict[str, Pixels]:
    """Draws a wide scene of overlapping shapes and a tall one, (h, w, 3) uint8."""
    return {"shapes-wide": draw_scene(1, (360, 480)), "shapes-tall": draw_scene(2, (480, 360))}


def extreme_images() -> dict[str, Pixels]:
    """Makes what photographs are not: all black, all white, and white noise, (h, w, 3) uint8."""
    size = (256, 256, 3)
    noise = np.random.default_rng(3).integers(0, 256, size)
    return {
        "black": np.zeros(size, np.uint8),
        "white": np.full(size, 255, np.uint8),
        "noise": noise.astype(np.uint8),
    }


def sample_clip(num_frames: int = 8, size: tuple[int, int] = (360, 480)) -> list[Pixels]:
    """Draws a clip in which every shape moves its own way, frames of (h, w, 3) uint8."""
    return [draw_scene(4, size, moved=0.02 * frame) for frame in range(num_frames)]


def draw_scene(seed: int, size: tuple[int, int], moved: float = 0.0) -> Pixels:
    """Draws ellipses and boxes of all scales on a colour gradient, with noise.

    Args:
        seed: Decides everything.
        size: Height and width.
        moved: How far the fastest shapes have moved, as a fraction of the longer side.
    """
    rng = np.random.default_rng(seed)
    way = moved * np.random.default_rng((seed, 1)).uniform(-1, 1, (_SHAPES, 2))
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    corners = rng.uniform(30, 220, (3, 3))
    scene = corners[0] + y[..., None] * (corners[1] - corners[0]) + x[..., None] * (corners[2] - corners[0])
    for shape in range(_SHAPES):
        centre_y, centre_x = rng.uniform(0, size[0]) / max(size), rng.uniform(0, size[1]) / max(size)
        radius_y, radius_x = rng.uniform(0.02, 0.25, 2)
        dy, dx = (y - centre_y - way[shape, 0]) / radius_y, (x - centre_x - way[shape, 1]) / radius_x
        inside = dy**2 + dx**2 < 1 if rng.random() < 0.5 else np.maximum(abs(dy), abs(dx)) < 1
        stripes = 25 * np.sin(rng.uniform(20, 120) * (x + rng.uniform(-1, 1) * y))
        scene[inside] = rng.uniform(0, 255, 3) + stripes[inside][:, None]
    noisy = scene + rng.normal(0, 6, scene.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)


def sample_prompts(spec: PromptSpec | None, count: int, geometry: ImageGeometry) -> dict[Role, Floats]:
    """Makes encoded prompts for a model; none for one that takes none.

    Args:
        spec: What the model takes.
        count: Number of prompts.
        geometry: Sizes of the image.

    Returns:
        Role to tensor (1, count, ...).
    """
    if spec is None:
        return {}
    if spec.encoding == "boxes":
        return {"boxes": sample_boxes(count)}
    return encode_prompts(every_kind_of_prompt(spec, count, geometry), spec, geometry)


def sample_boxes(count: int) -> Floats:
    """Makes (1, count, 4) boxes in fractions of the image: a central one, then points and boxes anywhere."""
    rng = np.random.default_rng(count)
    corners = np.sort(rng.uniform(0.02, 0.98, (count, 2, 2)), axis=1)
    corners[0] = [[0.3, 0.3], [0.7, 0.7]]
    corners[1::2, 1] = corners[1::2, 0] + 0.01
    return corners.reshape(1, count, 4).astype(np.float32)
