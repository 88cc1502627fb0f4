"""Crops of clips: what frames share, what they do not, and that segments keep their classes."""

import numpy as np
import pytest

from rapsam.data.augment.clip import CropRecipe, crop_clip, pseudo_video
from rapsam.data.augment.colour import ColourChange
from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.source import SynthImages, SynthVideos

SIZE = (64, 64)
RECIPE = CropRecipe(SIZE, (1.5, 2.0), 0.5, 0.0)


def _rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def image():
    return SynthImages(3, 1, SIZE).read(0)


@pytest.fixture(scope="module")
def video():
    return SynthVideos(3, 1, SIZE, num_frames=3).read(0)


def _striped():
    """A clip of one frame whose pixels name their place, with a mask per quarter."""
    rows, columns = np.mgrid[:64, :64].astype(np.uint8)
    frame = np.stack([rows, columns, rows], axis=-1)
    masks = np.zeros((4, 1, 64, 64), bool)
    for place, (y, x) in enumerate(((0, 0), (0, 32), (32, 0), (32, 32))):
        masks[place, 0, y : y + 32, x : x + 32] = True
    return AnnotatedClip(
        "striped", 1, frame[None], masks, np.arange(4), np.zeros(4, bool), np.arange(4, dtype=np.int64)
    )


def test_the_same_generator_gives_the_same_crop(video):
    one, other = (crop_clip(_rng(5), video, RECIPE) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.frames, other.frames, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(one.masks, other.masks, strict=True))


def test_frames_of_a_video_are_cut_at_one_place():
    clip = _striped()
    still = clip._replace(frames=np.repeat(clip.frames, 3, axis=0), masks=np.repeat(clip.masks, 3, axis=1))
    for seed in range(10):
        cropped = crop_clip(_rng(seed), still, RECIPE)
        assert all(np.array_equal(frame, cropped.frames[0]) for frame in cropped.frames)


def test_frames_of_a_pseudo_video_share_size_and_flip_but_not_place():
    places = set()
    for seed in range(20):
        first, second = pseudo_video(_rng(seed), _striped(), RECIPE, 2).frames
        assert first.shape == second.shape == (64, 64, 3)
        ways = [np.sign(int(frame[0, -1, 1]) - int(frame[0, 0, 1])) for frame in (first, second)]
        assert ways[0] == ways[1]  # columns grow the same way: both are mirrored, or none
        places.add(np.array_equal(first, second))
    assert False in places


def test_masks_stay_on_their_pixels(image):
    striped = _striped()
    for seed in range(20):
        cropped = pseudo_video(_rng(seed), striped, CropRecipe(SIZE, (1.0, 2.0), 0.5, 0.0), 1)
        rows, columns = cropped.frames[0][..., 0] >= 32, cropped.frames[0][..., 1] >= 32
        sure = np.minimum(abs(cropped.frames[0][..., :2].astype(int) - 31.5).min(axis=-1), 9) > 1
        for mask, label in zip(cropped.masks[0], cropped.classes, strict=True):
            quarter = (rows == (label >= 2)) & (columns == (label % 2 == 1))
            assert np.array_equal(mask[sure], quarter[sure])
    assert len(image.classes) >= len(pseudo_video(_rng(), image, RECIPE, 1).classes)


def test_only_segments_that_are_seen_are_kept(image):
    for seed in range(20):
        cropped = pseudo_video(_rng(seed), image, RECIPE, 2)
        seen = np.logical_or.reduce([part.any(axis=(1, 2)) for part in cropped.masks])
        assert seen.all()
        assert len(cropped.classes) == len(seen)


def test_a_clip_without_segments_gives_a_crop_without_segments(image):
    empty = image._replace(
        masks=image.masks[:0], classes=image.classes[:0], crowd=image.crowd[:0], ids=image.ids[:0]
    )
    cropped = pseudo_video(_rng(), empty, RECIPE, 2)
    assert [part.shape[0] for part in cropped.masks] == [0, 0]
    assert cropped.frames[0].shape == (64, 64, 3)


def test_an_image_that_is_made_small_fills_a_part_of_the_crop_only(image):
    cropped = pseudo_video(_rng(), image, CropRecipe(SIZE, (0.1, 0.1), 0.5, 0.0), 1)
    assert cropped.frames[0].shape == (6, 6, 3)
    assert cropped.masks[0].shape[1:] == (6, 6)


def test_colours_change_within_their_bounds():
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert np.array_equal(ColourChange(1.0, 1.0, 1.0).applied(grey), grey)
    assert (ColourChange(1.2, 1.0, 1.0).applied(grey) == 120).all()
    assert (ColourChange(3.0, 1.0, 1.0).applied(grey) == 255).all()
    # No saturation leaves the luma of each pixel, no contrast the mean luma of all.
    colours = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    assert ColourChange(1.0, 1.0, 0.0).applied(colours).tolist() == [[[76] * 3, [29] * 3]]
    assert np.ptp(ColourChange(1.0, 0.0, 1.0).applied(np.dstack([colours[..., :1]] * 3))) == 0
    drawn = [ColourChange.draw(_rng(seed), 0.3) for seed in range(50)]
    assert all(0.7 <= factor <= 1.3 for change in drawn for factor in change)
    assert ColourChange.draw(_rng(), 0.0) == (1.0, 1.0, 1.0)
