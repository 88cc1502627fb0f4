"""What a camera adds: exposure, colour cast, blur, noise, and JPEG."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from rapsam.data.synth.noise import Rng, Size
from rapsam.tasks.arrays import Floats, Pixels


class Camera(NamedTuple):
    """The settings of one camera in one scene.

    Attributes:
        gain: (3,) factors of red, green and blue.
        slope: (2,) change of brightness down and to the right, from edge to edge.
        gamma: Exponent of the brightness, of 1.
        blur: Radius in pixels.
        noise: Standard deviation, of 1.
        quality: Of JPEG, 1..95.
    """

    gain: Floats
    slope: Floats
    gamma: float
    blur: float
    noise: float
    quality: int


def any_camera(rng: Rng, unit: float) -> Camera:
    """Draws a camera, from a good one in good light to a poor one in poor light."""
    return Camera(
        gain=(rng.uniform(0.65, 1.15) * rng.uniform(0.9, 1.1, 3)).astype(np.float32),
        slope=rng.uniform(-0.25, 0.25, 2).astype(np.float32),
        gamma=float(rng.uniform(0.8, 1.25)),
        blur=float(max(rng.uniform(-0.8, 0.9), 0)) * unit,
        noise=float(max(rng.uniform(-0.02, 0.04), 0)),
        quality=int(rng.integers(60, 96)),
    )


def photograph(rng: Rng, camera: Camera, scene: Floats) -> Pixels:
    """Takes a picture of a scene.

    Args:
        rng: Random numbers of the noise.
        camera: The settings.
        scene: (height, width, 3) float32 RGB, about 0..1; changed.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    scene *= _exposure(camera, (scene.shape[0], scene.shape[1]))
    curve = (np.arange(256) / 255) ** camera.gamma * 255 + 0.5
    picture = Image.fromarray(_whole(scene)).point([int(value) for value in curve] * 3)
    if camera.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(camera.blur))
    if camera.noise:
        grain = np.float32(camera.noise) * rng.standard_normal(scene.shape, np.float32)
        picture = Image.fromarray(_whole(np.asarray(picture) / np.float32(255) + grain))
    stored = BytesIO()
    picture.save(stored, format="JPEG", quality=camera.quality)
    return np.array(Image.open(stored))


def _whole(scene: Floats) -> Pixels:
    return np.clip(scene * 255 + np.float32(0.5), 0, 255).astype(np.uint8)


def _exposure(camera: Camera, size: Size) -> Floats:
    down = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None, None]
    right = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    return np.asarray((1 + camera.slope[0] * down + camera.slope[1] * right) * camera.gain)
