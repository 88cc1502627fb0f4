"""The drawn world as a data set."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.sources.annotated import AnnotatedSource
from rapsam.data.synth.image import draw_image
from rapsam.data.synth.source import SynthImages, SynthVideos
from rapsam.data.synth.video import draw_video
from rapsam.errors import InputError
from rapsam.tasks.labels import find_label_set


def test_images():
    source: AnnotatedSource = SynthImages(9, 5, (64, 96))
    assert (len(source), source.num_frames(4), source.label_set) == (5, 1, find_label_set("synth"))
    assert "9" in source.name
    clip, drawn = source.read(3), draw_image(9, 3, (64, 96))
    assert np.array_equal(clip.frames, drawn.frames)
    assert np.array_equal(clip.masks, drawn.masks)


def test_videos():
    source: AnnotatedSource = SynthVideos(9, 5, (64, 96), num_frames=4)
    assert (len(source), source.num_frames(4), source.label_set) == (5, 4, find_label_set("synth"))
    drawn = draw_video(9, 2, 4, (64, 96))
    assert np.array_equal(source.read(2).frames, drawn.frames)
    assert np.array_equal(source.read(2, [3, 0]).masks, drawn.masks[:, [3, 0]])


def test_the_first_of_many_are_the_same_as_of_few():
    few, many = SynthImages(1, 3, (48, 48)), SynthImages(1, 300, (48, 48))
    assert np.array_equal(few.read(2).frames, many.read(2).frames)


def test_images_and_videos_of_a_seed_are_different_scenes():
    image, video = SynthImages(1, 1, (48, 48)).read(0), SynthVideos(1, 1, (48, 48)).read(0, [0])
    assert not np.array_equal(image.frames, video.frames)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SynthImages(-1, 5), "seed -1; expected 0 or more"),
        (lambda: SynthImages(0, 0), "expected 1 or more"),
        (lambda: SynthVideos(0, 5, num_frames=0), "expected 1 or more"),
        (lambda: SynthImages(0, 5, (32, 256)), "size 32x256; expected sides of 48 to 2048 px"),
        (lambda: SynthVideos(0, 5, (64, 4096)), "size 64x4096; expected sides of 48 to 2048 px"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, says):
    with pytest.raises(InputError, match=says):
        make()


@pytest.mark.parametrize("index", [5, -1])
def test_there_is_no_image_beyond_the_last(index):
    for source in (SynthImages(0, 5, (48, 48)), SynthVideos(0, 5, (48, 48))):
        with pytest.raises(IndexError):
            source.read(index)
