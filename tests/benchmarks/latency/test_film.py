"""A film is played frame by frame, as `rapsam predict` follows a video, and over and over."""

from __future__ import annotations

import numpy as np

from rapsam.benchmarks.latency.film import FRAMES, Film, described_clip, timed_clip
from rapsam.export.bundle.load import load_bundle
from rapsam.export.bundle.manifest_file import read_manifest


def test_a_frame_gives_what_the_segmenter_gives_and_the_clip_begins_again(following_bundle):
    segmenter = load_bundle(following_bundle)
    clip = timed_clip(read_manifest(following_bundle))
    assert len(clip) == FRAMES
    expected = [found for _, found in segmenter.track(clip, len(clip))]
    film = Film(segmenter, clip)
    for wanted in (*expected, *expected):
        found = film.next_frame()
        np.testing.assert_array_equal(found.track_ids, wanted.track_ids)
        np.testing.assert_array_equal(found.instances.masks, wanted.instances.masks)
    assert any(len(each.track_ids) for each in expected)


def test_frames_move_and_have_the_size_of_the_input(following_bundle, tiny_bundle):
    first, second, *_ = clip = timed_clip(read_manifest(following_bundle))
    assert first.shape == (32, 64, 3)
    assert (first != second).any()
    assert described_clip(clip) == "; for video a drawn clip of 8 frames of 32x64"
    assert timed_clip(read_manifest(tiny_bundle)) == []
    assert described_clip([]) == ""
