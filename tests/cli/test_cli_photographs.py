"""What `rapsam export` and `rapsam parity` compare on."""

from __future__ import annotations

import numpy as np

from rapsam.cli.photographs import read_images


def test_photographs_come_first_and_a_drawn_scene_follows(photo, pixels):
    images = read_images([str(photo)])
    assert list(images) == ["photo", "shapes-wide"]
    assert np.array_equal(images["photo"], pixels)
    assert list(read_images([])) == ["shapes-wide", "shapes-tall"]
