from __future__ import annotations

import itertools

import numpy as np
import pytest

from rapsam.errors import InputError
from rapsam.tasks.draw import draw_instances, draw_interactive, draw_panoptic
from rapsam.tasks.instances import InstanceResult, tight_box
from rapsam.tasks.labels import Label, LabelSet
from rapsam.tasks.overlay import anchor, contour
from rapsam.tasks.palette import class_colour, text_colour
from rapsam.tasks.panoptic import PanopticResult, SegmentInfo
from rapsam.tasks.prompt_set import Prompt, PromptSet

LABELS = LabelSet(
    name="small",
    labels=tuple(Label(name=f"class {i}", is_thing=i < 2, category_id=i + 1) for i in range(3)),
)
IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def panoptic_result():
    panoptic_map = np.full((90, 120), 3, np.int32)
    panoptic_map[:, :40], panoptic_map[:40, 60:] = 2, 1001
    segments = tuple(
        SegmentInfo(id=value, class_index=value % 1000, is_thing=value > 999, score=0.9, area=1, query=place)
        for place, value in enumerate((2, 1001))
    )
    return PanopticResult(panoptic_map=panoptic_map, segments=segments, void=3)


def instance_result(count=2):
    masks = np.zeros((count, 90, 120), bool)
    for place in range(count):
        masks[place, 10 : 80 - 20 * place, 10 : 100 - 30 * place] = True
    return InstanceResult(
        scores=np.linspace(0.9, 0.4, count, dtype=np.float32),
        labels=np.arange(count) % 2,
        boxes=np.array([tight_box(mask) for mask in masks]).reshape(-1, 4),
        masks=masks,
        queries=np.arange(count),
    )


def test_void_is_untouched_and_segments_are_tinted():
    before = IMAGE.copy()
    drawn = draw_panoptic(IMAGE, panoptic_result(), LABELS)
    void = panoptic_result().panoptic_map == 3
    # Captions of segments may reach over their border, so void is judged far from it.
    np.testing.assert_array_equal(drawn[70:, 60:], IMAGE[70:, 60:])
    assert (drawn[~void] != IMAGE[~void]).any(axis=1).mean() > 0.99
    np.testing.assert_array_equal(IMAGE, before)


def test_nothing_found_draws_nothing():
    empty = PanopticResult(panoptic_map=np.full((90, 120), 3, np.int32), segments=(), void=3)
    np.testing.assert_array_equal(draw_panoptic(IMAGE, empty, LABELS), IMAGE)
    np.testing.assert_array_equal(draw_instances(IMAGE, instance_result(0), LABELS), IMAGE)


def test_tracks_choose_the_colour():
    result = instance_result()
    one = draw_instances(IMAGE, result, LABELS, np.array([1, 2]))
    other = draw_instances(IMAGE, result, LABELS, np.array([3, 2]))
    assert (one != other).any()
    assert (one != IMAGE).any()


def test_prompts_and_their_masks_are_drawn():
    masks = np.zeros((2, 90, 120), bool)
    masks[0, 30:50, 10:30] = True
    drawn = draw_interactive(IMAGE, masks, PromptSet.of([(20, 40)], [(60, 20, 110, 70)]))
    changed = (drawn != IMAGE).any(axis=2)
    assert changed[30:50, 10:30].mean() > 0.95
    assert changed[20, 60:110].all()
    assert changed[20:70, 60].all()
    assert changed[69, 60:110].all()
    assert not changed[30:60, 70:100].any()


def test_points_beside_the_region_are_hollow():
    prompt = Prompt(points=((30, 40), (90, 40)), positive=(True, False))
    drawn = draw_interactive(IMAGE, np.zeros((1, 90, 120), bool), PromptSet((prompt,)))
    assert tuple(drawn[40, 30]) == class_colour(0)
    assert tuple(drawn[40, 90]) == (255, 255, 255)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (119.9, 89.9), (0, 89)])
def test_points_at_the_border_are_drawn(x, y):
    drawn = draw_interactive(IMAGE, np.zeros((1, 90, 120), bool), PromptSet.of([(x, y)]))
    assert (drawn[int(y), int(x)] != IMAGE[int(y), int(x)]).any()


@pytest.mark.parametrize("size", [(2, 2), (3, 400), (400, 3)])
def test_odd_shapes_of_images_are_drawn(size):
    image = np.zeros((*size, 3), np.uint8)
    prompts = PromptSet.of([(1, 1)], [(0, 0, size[1], size[0])])
    drawn = draw_interactive(image, np.ones((2, *size), bool), prompts)
    assert drawn.shape == image.shape
    assert drawn.any()


def test_result_of_another_size_is_refused():
    with pytest.raises(InputError, match="draw on the original image"):
        draw_panoptic(IMAGE[:50], panoptic_result(), LABELS)
    with pytest.raises(InputError, match="draw on the original image"):
        draw_instances(IMAGE[:50], instance_result(), LABELS)


def test_foreign_label_set_is_refused():
    few = LabelSet(name="few", labels=LABELS.labels[:1])
    with pytest.raises(InputError, match="class 2 is not in label set 'few'"):
        draw_panoptic(IMAGE, panoptic_result(), few)


def test_masks_without_prompts_are_refused():
    with pytest.raises(InputError, match="2 masks for 1 prompts"):
        draw_interactive(IMAGE, np.zeros((2, 90, 120), bool), PromptSet.of([(1, 1)]))


def test_colours_are_stable_and_neighbours_differ():
    colours = [class_colour(index) for index in range(155)]
    assert colours == [class_colour(index) for index in range(155)]
    assert len(set(colours)) == 155
    assert class_colour(0, 1) != class_colour(0, 0)
    for one, other in itertools.pairwise(colours):
        assert np.abs(np.subtract(one, other)).sum() > 60


def test_text_stands_out_from_its_background():
    for index in range(155):
        background = np.array(class_colour(index))
        assert np.abs(np.array(text_colour(class_colour(index))) - background).sum() > 100


def test_contour_follows_the_border_but_not_the_frame():
    mask = np.zeros((6, 6), bool)
    mask[:, :4] = True
    expected = np.zeros((6, 6), bool)
    expected[:, 3] = True
    np.testing.assert_array_equal(contour(mask, 1), expected)


def test_anchor_lies_inside():
    rows, columns = np.mgrid[:200, :300]
    ring = (np.hypot(rows - 100, columns - 150) < 90) & (np.hypot(rows - 100, columns - 150) > 60)
    x, y = anchor(ring)
    assert ring[y, x]
    single = np.zeros((50, 50), bool)
    single[7, 31] = True
    assert anchor(single) == (31, 7)
