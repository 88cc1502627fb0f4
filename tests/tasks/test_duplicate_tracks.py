"""One object is one track: near-identical masks are reported once, under one number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.tasks.duplicates import SAME_OBJECT_IOU, DistinctTracks
from rapsam.tasks.instances import InstanceResult, tight_box
from rapsam.tasks.video import TrackedFrame


def frame(**tracks):
    """Tracks `t1=(left, right, score)`: a bar from column to column of 100."""
    masks = np.zeros((len(tracks), 10, 100), bool)
    for mask, (left, right, _) in zip(masks, tracks.values(), strict=True):
        mask[2:8, left:right] = True
    return TrackedFrame(
        instances=InstanceResult(
            scores=np.array([score for *_, score in tracks.values()], np.float32),
            labels=np.arange(len(tracks)),
            boxes=np.array([tight_box(mask) for mask in masks]).reshape(-1, 4),
            masks=masks,
            queries=np.arange(len(tracks)),
        ),
        track_ids=np.array([int(name[1:]) for name in tracks], np.int64),
    )


def reported(distinct, *frames):
    return [found.track_ids.tolist() for found in distinct.of(frames)]


def test_the_better_of_two_tracks_on_one_object_stays():
    found = reported(DistinctTracks(), frame(t1=(0, 50, 0.6), t2=(0, 48, 0.9), t3=(60, 90, 0.5)))
    assert found == [[2, 3]]


def test_an_object_keeps_its_number_though_another_track_gets_better():
    distinct = DistinctTracks()
    assert reported(distinct, frame(t1=(0, 50, 0.7), t2=(0, 50, 0.6))) == [[1]]
    assert reported(distinct, frame(t2=(5, 55, 0.9), t1=(5, 55, 0.5))) == [[1]]
    assert reported(distinct, frame(t2=(9, 59, 0.9))) == [[2]]


def test_a_track_is_judged_by_its_whole_clip():
    """The tracks meet in one of three frames only."""
    apart = frame(t1=(0, 50, 0.9), t2=(50, 100, 0.8))
    together = frame(t1=(0, 50, 0.9), t2=(0, 50, 0.8))
    assert reported(DistinctTracks(), apart, together, apart) == [[1, 2]] * 3
    assert reported(DistinctTracks(), together, frame(t1=(0, 50, 0.9)), together) == [[1]] * 3


def test_frames_keep_their_fields_together():
    kept = DistinctTracks().of([frame(t4=(0, 50, 0.6), t9=(0, 50, 0.9), t2=(70, 90, 0.5))])[0]
    assert kept.track_ids.tolist() == [9, 2]
    assert kept.instances.labels.tolist() == [1, 2]
    assert kept.instances.boxes.tolist() == [[0, 2, 50, 8], [70, 2, 90, 8]]


@pytest.mark.parametrize("tracks", [{}, {"t1": (5, 5, 0.9), "t2": (5, 5, 0.8)}])
def test_nothing_and_empty_masks_are_left_as_they_are(tracks):
    assert reported(DistinctTracks(), frame(**tracks)) == [[int(name[1:]) for name in tracks]]


SPANS = st.tuples(st.integers(0, 50), st.integers(1, 50), st.sampled_from([0.5, 0.7, 0.9]))


@given(st.lists(st.lists(SPANS, max_size=5), min_size=1, max_size=3))
def test_what_stays_differs_and_what_goes_lies_on_what_stays(clip):
    frames = [
        frame(
            **{
                f"t{place + 1}": (left, left + width, score)
                for place, (left, width, score) in enumerate(found)
            }
        )
        for found in clip
    ]
    kept = {track for found in DistinctTracks().of(frames) for track in found.track_ids.tolist()}

    def overlap(one, other):
        both = either = 0
        for found in frames:
            if max(one, other) <= len(found.track_ids):
                left, right = found.instances.masks[one - 1], found.instances.masks[other - 1]
                both, either = both + (left & right).sum(), either + (left | right).sum()
        return both / either if either else 0

    everyone = {track for found in frames for track in found.track_ids.tolist()}
    assert all(overlap(one, other) < SAME_OBJECT_IOU for one in kept for other in kept if one != other)
    assert all(any(overlap(gone, stays) >= SAME_OBJECT_IOU for stays in kept) for gone in everyone - kept)
