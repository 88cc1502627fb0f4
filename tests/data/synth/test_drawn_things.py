"""Silhouettes and what hides them: exact to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from rapsam.data.synth.noise import generator
from rapsam.data.synth.outlines import Outline, centred, ellipse, rectangle
from rapsam.data.synth.painting import Light, Silhouette, paint, silhouette
from rapsam.data.synth.patterns import Pattern
from rapsam.data.synth.raster import Box, Sheet
from rapsam.data.synth.scene import recognisable, visible
from rapsam.data.synth.shapes import SHAPES
from rapsam.data.synth.things import Pose, Thing

SIZE = (60, 80)
PLAIN = Pattern("plain", 1.0, 0.0, 0.0)
BRIGHT = np.ones((3, 3), np.float32)


def thing(outline: Outline) -> Thing:
    return Thing(0, centred(outline), BRIGHT, PLAIN, 0.0, BRIGHT[0], 0.0)


def light(shadow: float) -> Light:
    return Light(x=0.6, y=0.8, shade=0.0, shadow=shadow, reach=5.0, softness=1.0)


def square(left: int, top: int, side: int) -> Silhouette:
    return Silhouette(Box(left, top, side, side), np.ones((side, side), np.float32))


def test_edges_are_drawn_where_they_are():
    """To a quarter of a pixel each, and an eighth too wide on average, with no shift to any side."""
    errors = []
    for left, top, width, height in generator(0).uniform(3, 20, (300, 4)):
        sheet = Sheet(Box(0, 0, 45, 45))
        sheet.fill(rectangle(left, top, left + width, top + height), 255)
        down, across = sheet.coverage().max(1), sheet.coverage().max(0)
        errors.append([*_ends(across) - (left, left + width), *_ends(down) - (top, top + height)])
    assert np.abs(errors).max() <= 0.26
    assert np.abs(np.mean(errors, 0) - (-0.125, 0.125, -0.125, 0.125)).max() < 0.02


def _ends(profile: np.ndarray) -> np.ndarray:
    """Finds where a row of coverages begins and ends, by the full ones and the partly covered beside them."""
    full = np.flatnonzero(profile > 0.999)
    first, last = full[0], full[-1] + 1
    return np.array([first - profile[:first].sum(), last + profile[last:].sum()])


def test_a_disc_with_a_hole_covers_what_geometry_says():
    ring = thing(Outline((ellipse(0, 0, 0.5),), (ellipse(0, 0, 0.3),)))
    covered = silhouette(ring, Pose(40.3, 29.6, 50.0, 0.4, 1.0, 1), 2)
    (mask,) = visible([covered], SIZE)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    radius = np.hypot(x - 40.3, y - 29.6)
    exact = (radius < 25) & (radius > 15)
    # Polygons of 40 corners and quarters of a pixel: only pixels that a border halves may differ.
    differs = mask != exact
    assert np.minimum(abs(radius - 25), abs(radius - 15))[differs].max(initial=0) < 0.4
    assert covered.area == pytest.approx(np.pi * (25**2 - 15**2), rel=0.02)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_one_piece_that_fills_its_box(name):
    for seed in range(5):
        one = thing(SHAPES[name].draw(generator(seed)))
        covered = silhouette(one, Pose(0, 0, 120.0, 0.0, 1.0, 1), 1)
        solid = covered.coverage >= 0.5
        labels, _ = ndimage.label(solid, np.ones((3, 3)))
        # The last pixel of a sharp point may stand alone.
        assert np.bincount(labels[solid]).max() > 0.99 * solid.sum()
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert box == pytest.approx(120**2, rel=0.06)
        assert 0.12 < solid.sum() / box < 0.85


def test_the_front_thing_hides_the_others():
    back, front = visible([square(10, 10, 20), square(20, 20, 20)], SIZE)
    assert front.sum() == 400
    assert back.sum() == 400 - 100
    assert not (back & front).any()


def test_what_reaches_out_of_the_picture_is_cut():
    cut, gone = visible([square(-10, 50, 20), square(90, 10, 20)], SIZE)
    assert cut.sum() == 10 * 10
    assert gone.sum() == 0


def test_next_to_nothing_of_a_thing_is_no_mask():
    assert [mask.sum() for mask in visible([square(0, 0, 5), square(1, 0, 5)], SIZE)] == [0, 25]


def test_what_nobody_could_name_is_left_out():
    hidden, front = square(10, 10, 20), square(12, 12, 20)
    beyond, small = square(74, 20, 20), square(40, 0, 4)
    assert recognisable([[hidden, front, beyond, small]], SIZE) == [False, True, False, False]


def test_what_is_left_out_hides_nothing():
    """The middle one is mostly hidden and goes; only with it there would be too little of the last."""
    back, middle, front = square(0, 0, 20), square(0, 0, 30), square(5, 5, 30)
    assert recognisable([[back, middle, front]], SIZE) == [True, False, True]


def test_one_good_frame_makes_a_thing_recognisable():
    inside, outside = [square(10, 10, 20)], [square(-19, 10, 20)]
    assert recognisable([outside, outside], SIZE) == [False]
    assert recognisable([outside, inside], SIZE) == [True]


def test_a_shadow_darkens_the_ground_and_is_not_in_the_mask():
    pose, one = Pose(40, 30, 20.0, 0.0, 1.0, 1), thing(Outline((rectangle(0, 0, 1, 1),)))
    covered = silhouette(one, pose, 12)
    (mask,) = visible([covered], SIZE)
    assert mask.sum() == 400
    canvas = np.full((*SIZE, 3), 0.5, np.float32)
    paint(canvas, one, pose, covered, light(shadow=0.5))
    assert canvas[mask].min() > 0.9
    assert canvas[~ndimage.binary_dilation(mask, np.ones((3, 3)))].max() <= 0.5
    assert canvas[42, 48, 0] < 0.4
    assert canvas[18, 32, 0] == 0.5


def test_a_thing_beyond_the_picture_changes_nothing():
    pose, one = Pose(400, 30, 20.0, 0.0, 1.0, 1), thing(Outline((rectangle(0, 0, 1, 1),)))
    canvas = np.full((*SIZE, 3), 0.5, np.float32)
    paint(canvas, one, pose, silhouette(one, pose, 5), light(shadow=0.5))
    assert (canvas == 0.5).all()
