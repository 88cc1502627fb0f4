"""What a drawn image holds, whatever its number."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.synth.image import MIN_STUFF, draw_image
from rapsam.data.synth.scene import MIN_PIXELS
from rapsam.data.synth.shapes import SHAPES
from rapsam.data.synth.surfaces import SURFACES
from rapsam.tasks.labels import find_label_set

SIZE = (96, 96)


@pytest.fixture(scope="module")
def clips():
    return [draw_image(3, index, SIZE) for index in range(80)]


def test_an_image_is_the_same_for_the_same_numbers(clips):
    for index in (0, 7):
        again = draw_image(3, index, SIZE)
        assert all(np.array_equal(one, other) for one, other in zip(clips[index], again, strict=True))


def test_the_random_numbers_of_others_do_not_matter():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    draw_image(3, 5, SIZE)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_other_seeds_and_indices_give_other_images(clips):
    pictures = {clip.frames.tobytes() for clip in clips} | {draw_image(4, 0, SIZE).frames.tobytes()}
    assert len(pictures) == len(clips) + 1


def test_arrays_are_as_the_contract_says(clips):
    for index, clip in enumerate(clips):
        count = len(clip.classes)
        assert (clip.name, clip.key) == (f"{index + 1:012d}.jpg", index + 1)
        assert (clip.frames.shape, clip.frames.dtype) == ((1, *SIZE, 3), np.uint8)
        assert (clip.masks.shape, clip.masks.dtype) == ((count, 1, *SIZE), np.bool_)
        assert clip.classes.dtype == clip.ids.dtype == np.int64
        assert not clip.crowd.any()
        assert len(set(clip.ids.tolist())) == count
        assert clip.ids.min() > 0
        assert clip.ids.max() < 2**24
        assert clip.frames.flags.writeable


def test_masks_do_not_overlap_and_leave_little_void(clips):
    times = np.stack([clip.masks.sum((0, 1)) for clip in clips])
    assert times.max() == 1
    assert (times == 0).mean() < 0.01


def test_no_mask_is_too_small_to_be_named(clips):
    num_things = len(SHAPES)
    for clip in clips:
        areas = clip.masks.sum((1, 2, 3))
        assert (areas[clip.classes < num_things] >= MIN_PIXELS).all()
        assert (areas[clip.classes >= num_things] >= MIN_STUFF * SIZE[0] * SIZE[1]).all()


def test_things_come_before_stuff_which_is_there_once(clips):
    for clip in clips:
        stuff = clip.classes[clip.classes >= len(SHAPES)].tolist()
        assert clip.classes.tolist()[len(clip.classes) - len(stuff) :] == stuff
        assert len(set(stuff)) == len(stuff)


def test_every_class_occurs(clips):
    classes = np.concatenate([clip.classes for clip in clips])
    counts = np.bincount(classes, minlength=len(SHAPES) + len(SURFACES))
    assert len(SHAPES) >= 12
    assert len(SURFACES) >= 6
    assert counts.min() >= 5


def test_the_label_set_names_what_is_drawn():
    label_set = find_label_set("synth")
    assert [label.name for label in label_set.labels] == [*SHAPES, *SURFACES]
    assert label_set.num_things == len(SHAPES)
    assert [label.category_id for label in label_set.labels] == list(range(1, len(label_set.labels) + 1))


def test_things_are_of_all_scales_and_some_are_cut_or_hidden(clips):
    areas = np.concatenate([clip.masks[clip.classes < len(SHAPES)].sum((1, 2, 3)) for clip in clips])
    sides = np.sqrt(areas) / SIZE[0]
    assert (sides < 0.1).mean() > 0.1
    assert (sides > 0.3).mean() > 0.05
    at_border = [clip.masks[:, 0, 0].any(-1) & (clip.classes < len(SHAPES)) for clip in clips]
    assert np.concatenate(at_border).sum() >= 10


@pytest.mark.parametrize("size", [(48, 200), (300, 64)])
def test_any_size_can_be_drawn(size):
    clip = draw_image(0, 0, size)
    assert clip.frames.shape == (1, *size, 3)
    assert clip.masks.shape[2:] == size


def test_colour_alone_does_not_tell_the_classes(clips):
    """Nearest mean colour, learnt on half of the images and tried on the others."""
    colours = [np.stack([clip.frames[0][mask].mean(0) for mask in clip.masks[:, 0]]) for clip in clips]
    learnt, tried = clips[::2], clips[1::2]
    features, classes = np.concatenate(colours[::2]), np.concatenate([clip.classes for clip in learnt])
    centres = np.stack([features[classes == place].mean(0) for place in range(len(SHAPES) + len(SURFACES))])
    seen, truth = np.concatenate(colours[1::2]), np.concatenate([clip.classes for clip in tried])
    guesses = np.linalg.norm(seen[:, None] - centres, axis=-1).argmin(1)
    is_thing = truth < len(SHAPES)
    # Blind guesses are right in 1 of 20 cases; those who know what is a thing, in 1 of 14.
    assert (guesses == truth).mean() < 0.25
    among_things = np.linalg.norm(seen[:, None] - centres[: len(SHAPES)], axis=-1).argmin(1)
    assert (among_things == truth)[is_thing].mean() < 0.2
    among_stuff = np.linalg.norm(seen[:, None] - centres[len(SHAPES) :], axis=-1).argmin(1) + len(SHAPES)
    assert (among_stuff == truth)[~is_thing].mean() < 0.55
