"""Captions: beside small things and inside large ones, never over one another, in one line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rapsam.tasks.captions import write_captions
from rapsam.tasks.draw import draw_instances
from rapsam.tasks.instances import InstanceResult, tight_box
from rapsam.tasks.labels import Label, LabelSet
from rapsam.tasks.overlay import Layer, paint_masks

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
GREY = np.full((200, 300, 3), 90, np.uint8)


def mask(top, left, bottom, right, size=(200, 300)):
    found = np.zeros(size, bool)
    found[top:bottom, left:right] = True
    return found


def written(*layers, canvas=GREY):
    return (write_captions(canvas, layers) != canvas).any(axis=2)


def test_a_small_thing_is_not_covered():
    thing = mask(90, 140, 105, 160)
    changed = written(Layer(thing, RED, ("#1 bottle 0.93", "#1")))
    assert changed.any()
    assert not changed[thing].any()
    # It is near the thing, though.
    rows, columns = np.nonzero(changed)
    assert abs(rows.mean() - 97) < 40
    assert abs(columns.mean() - 150) < 80


def test_a_large_thing_bears_its_caption_inside():
    thing = mask(20, 20, 180, 280)
    changed = written(Layer(thing, RED, ("gear",)))
    assert changed.any()
    assert not changed[~thing].any()


def test_a_material_bears_its_caption_though_it_is_narrow():
    stuff = mask(100, 0, 125, 120)
    assert not written(Layer(stuff, RED, ("brick",), is_stuff=True))[~stuff].any()


def test_the_caption_of_one_thing_does_not_cover_another():
    things = [mask(80, 60 + 40 * place, 110, 90 + 40 * place) for place in range(4)]
    changed = written(*(Layer(thing, RED, (f"#{place}",)) for place, thing in enumerate(things)))
    assert not changed[np.any(things, axis=0)].any()


def test_a_small_image_is_not_filled_with_captions():
    size = (64, 96)
    canvas = np.full((*size, 3), 90, np.uint8)
    full, short = "#2 traffic light 0.73", "#2"
    one = mask(30, 40, 44, 54, size)
    assert not written(Layer(one, RED, (full,)), canvas=canvas).any()
    changed = written(Layer(one, RED, (full, short)), canvas=canvas)
    assert 0 < changed.mean() < 0.1
    assert not changed[one].any()


def test_a_far_caption_points_at_its_mask():
    """The ring of another thing keeps the caption away from a thing that is surrounded."""
    inner = mask(95, 145, 105, 155)
    ring = mask(70, 100, 130, 200) & ~mask(88, 138, 112, 162)
    changed = written(Layer(ring, GREEN, ("ring",)), Layer(inner, RED, ("#1 bolt",)))
    assert changed[inner].any()
    assert changed[inner].mean() < 0.3


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[2J", "\ud800", "x" * 5000, "", "日本 ✓", "a\tb"])
def test_any_class_name_can_be_drawn(name):
    labels = LabelSet(name="odd", labels=(Label(name=name, is_thing=True, category_id=1),))
    masks = mask(20, 20, 180, 280)[None]
    result = InstanceResult(
        scores=np.array([0.9], np.float32),
        labels=np.array([0]),
        boxes=tight_box(masks[0])[None],
        masks=masks,
        queries=np.array([0]),
    )
    assert (draw_instances(GREY, result, labels) != GREY).any()


def test_the_topmost_mask_gives_the_tint():
    """Mixed colours would be those of neither layer."""
    lower, upper = Layer(mask(0, 0, 200, 200), RED), Layer(mask(0, 100, 200, 300), BLUE)
    both, alone = GREY.copy(), GREY.copy()
    paint_masks(both, [lower, upper], 1)
    paint_masks(alone, [upper], 1)
    np.testing.assert_array_equal(both[50, 150], alone[50, 150])
    assert (both[50, 50] != alone[50, 50]).any()


SIDES = st.integers(2, 260)


@settings(deadline=None, max_examples=40)
@given(st.tuples(SIDES, SIDES), st.lists(st.tuples(*[st.floats(0, 1)] * 4, st.booleans()), max_size=8))
def test_captions_never_lie_on_one_another(size, boxes):
    canvas = np.full((*size, 3), 90, np.uint8)
    layers = []
    for place, (top, left, height, width, is_stuff) in enumerate(boxes):
        y, x = int(top * size[0]), int(left * size[1])
        region = mask(y, x, y + 1 + int(height * size[0]), x + 1 + int(width * size[1]), size)
        layers.append(Layer(region, (100 + place, 200, 50), (f"number {place}", str(place)), is_stuff))
    drawn = write_captions(canvas, layers)
    assert drawn.shape == canvas.shape
    backgrounds = [(drawn == np.array(layer.colour, np.uint8)).all(axis=2) for layer in layers]
    # Opening leaves the backgrounds of the captions, without leaders, which are thin.
    opened = [ndimage.binary_opening(background, np.ones((3, 3))) for background in backgrounds]
    rectangles = [tight_box(background) for background in opened if background.any()]
    for one, other in itertools.combinations(rectangles, 2):
        assert (one[:2] >= other[2:]).any() or (other[:2] >= one[2:]).any()
