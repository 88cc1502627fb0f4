"""Drawn videos: one identity through all frames, smooth movement, coming and going."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from rapsam.data.synth.noise import generator
from rapsam.data.synth.scene import MIN_PIXELS
from rapsam.data.synth.shapes import SHAPES
from rapsam.data.synth.video import NUM_FRAMES, draw_video

SIZE = (96, 128)
FRAMES = 8


@pytest.fixture(scope="module")
def clips():
    return [draw_video(5, index, FRAMES, SIZE) for index in range(16)]


def test_a_video_is_the_same_for_the_same_numbers(clips):
    again = draw_video(5, 2, FRAMES, SIZE)
    assert all(np.array_equal(one, other) for one, other in zip(clips[2], again, strict=True))


def test_named_frames_are_those_of_the_whole_video(clips):
    some = draw_video(5, 3, FRAMES, SIZE, frames=[6, 1])
    assert np.array_equal(some.frames, clips[3].frames[[6, 1]])
    assert np.array_equal(some.masks, clips[3].masks[:, [6, 1]])
    assert np.array_equal(some.classes, clips[3].classes)


def test_arrays_are_as_the_contract_says(clips):
    for index, clip in enumerate(clips):
        count = len(clip.classes)
        assert (clip.name, clip.key) == (f"{index + 1:010d}", index + 1)
        assert (clip.frames.shape, clip.frames.dtype) == ((FRAMES, *SIZE, 3), np.uint8)
        assert (clip.masks.shape, clip.masks.dtype) == ((count, FRAMES, *SIZE), np.bool_)
        assert clip.ids.tolist() == list(range(1, count + 1))
        assert clip.masks.sum(0).max(initial=0) <= 1
        assert (clip.classes < len(SHAPES)).all()


def test_a_thing_is_seen_well_or_not_at_all(clips):
    areas = np.concatenate([clip.masks.sum((2, 3)) for clip in clips])
    assert set(areas[areas < MIN_PIXELS].tolist()) <= {0}
    assert (areas.max(1) >= MIN_PIXELS).all()


def test_things_enter_and_leave(clips):
    seen = np.concatenate([clip.masks.any((2, 3)) for clip in clips])
    assert (~seen[:, 0] & seen[:, -1]).sum() >= 3
    assert (seen[:, 0] & ~seen[:, -1]).sum() >= 3


def is_whole(mask: np.ndarray) -> bool:
    """Not cut by the border, whose middle would move for other reasons."""
    return bool(mask.any()) and not any(side.any() for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))


def test_a_mask_moves_by_small_steps(clips):
    """An identity that jumped to another thing would not."""
    steps = []
    for masks in np.concatenate([clip.masks for clip in clips]):
        areas = masks.sum((1, 2))
        if all(map(is_whole, masks)) and np.ptp(areas) < 0.5 * areas.mean():
            middles = [ndimage.center_of_mass(mask) for mask in masks]
            steps += np.linalg.norm(np.diff(middles, axis=0), axis=1).tolist()
    assert len(steps) > 50
    assert max(steps) < 0.12 * min(SIZE)
    assert np.median(steps) > 0.003 * min(SIZE)


def test_things_hide_each_other(clips):
    """Often two of them share a border."""
    touching = 0
    for masks in (masks for clip in clips for masks in clip.masks.transpose(1, 0, 2, 3)):
        wide = ndimage.binary_dilation(masks, np.ones((1, 3, 3)))
        touching += int(((wide[:, None] & masks[None]).sum((2, 3)) > 8).sum()) - len(masks)
    assert touching >= 20


def test_the_ground_moves_when_the_camera_pans(clips):
    """Frames of a still camera differ by their noise alone, those of a panning one by far more."""
    changes = []
    for clip in clips:
        ground = ~clip.masks.any((0, 1))
        first, last = (clip.frames[place].astype(float).mean(-1)[ground] for place in (0, -1))
        changes.append(np.abs(first - last).mean())
    assert min(changes) < 12
    assert max(changes) > 20


def test_the_start_does_not_depend_on_the_number_of_frames(clips):
    """The same scene; a thing that comes later may be missing from the short video."""
    short = draw_video(5, 0, 2, SIZE)
    assert set(short.classes.tolist()) <= set(clips[0].classes.tolist())


def test_long_videos_stay_on_the_backdrop():
    """A camera that left it would show black."""
    clip = draw_video(int(generator(1).integers(100)), 4, 60, (64, 64), frames=[0, 20, 40, 59])
    assert clip.frames.shape == (4, 64, 64, 3)
    assert clip.frames[:, [0, -1]].mean((1, 2, 3)).min() > 10
    assert clip.frames[:, :, [0, -1]].mean((1, 2, 3)).min() > 10


def test_ten_frames_are_usual():
    assert len(draw_video(1, 1, size=(48, 48)).frames) == NUM_FRAMES
