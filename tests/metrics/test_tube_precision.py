from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.metrics.tube_precision import TubePrecisionAccumulator
from rapsam.metrics.video_tubes import VideoTubes
from rapsam.tasks.video import TrackedFrame
from tests.metrics.scenes import THINGS, instances, random_detections, video_tubes
from tests.metrics.test_mask_precision import by_coco, of_images


def of_videos(videos):
    accumulator = TubePrecisionAccumulator(THINGS)
    for video in videos:
        accumulator.add(video_tubes(*video))
    return accumulator.result()


def one_class(found, scores, masks):
    """Returns a video whose tracks and objects all have class 0 and no crowd region."""
    found, masks = np.asarray(found, bool), np.asarray(masks, bool)
    classes, crowd = np.zeros(len(masks), np.int64), np.zeros(len(masks), bool)
    return found, np.zeros(len(found), np.int64), np.array(scores), masks, classes, crowd


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), videos=st.integers(1, 5))
def test_videos_of_one_frame_are_images(seed, videos):
    world = [random_detections(seed * 10 + video) for video in range(videos)]
    figures, _ = by_coco(world, areas=[[0, 1e10]] * 4)
    found = of_videos(world)
    ours = [found.ap, found.ap_50, found.ap_75, found.ar_1, found.ar_10]
    np.testing.assert_allclose(ours, [*figures[:3], *figures[6:8]], atol=1e-9)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_a_tube_is_a_mask_on_the_frames_side_by_side(seed):
    found, labels, scores, masks, classes, crowd = random_detections(seed, frames=4)
    wide = [np.concatenate(np.moveaxis(part, 1, 0), axis=2)[:, None] for part in (found, masks)]
    videos = of_videos([(found, labels, scores, masks, classes, crowd)])
    images = of_images([(wide[0], labels, scores, wide[1], classes, crowd)])
    np.testing.assert_allclose([videos.ap, videos.ap_50], [images.ap, images.ap_50])


def test_an_identity_switch_in_the_middle():
    # One object in four frames; one track has frames 1 and 2, another 3 and 4: IoU 1/2 each.
    masks = np.ones((1, 4, 2, 2), bool)
    found = np.zeros((2, 4, 2, 2), bool)
    found[0, :2] = found[1, 2:] = True
    result = of_videos([one_class(found, [0.9, 0.8], masks)])
    # Right at IoU 0.50 only, and the better track is the one that matches.
    assert result.ap_50 == 1
    assert math.isclose(result.ap, 0.1)
    assert math.isclose(result.ar_1, 0.1)


def test_iou_sums_over_frames_and_is_no_mean_of_frames():
    # Frame 1: 8 of 8 pixels are right; frame 2: 2 pixels, of which none is found. IoU 8/10, mean 1/2.
    masks = np.zeros((1, 2, 1, 8), bool)
    masks[0, 0], masks[0, 1, 0, :2] = True, True
    found = masks.copy()
    found[0, 1] = False
    result = of_videos([one_class(found, [0.5], masks)])
    assert math.isclose(result.ap, 0.7)
    assert result.ap_75 == 1


def test_one_class_wrong():
    masks = np.zeros((2, 3, 1, 4), bool)
    masks[0, :, :, :2] = masks[1, :, :, 2:] = True
    video = (masks, np.array([0, 2]), np.array([0.9, 0.8]), masks, np.array([0, 1]), np.zeros(2, bool))
    result = of_videos([video])
    assert result.ap == 0.5
    assert [(entry.class_index, entry.ap) for entry in result.per_class] == [(0, 1), (1, 0)]


def test_recall_of_one_and_of_ten_tracks():
    # 12 objects, all found, the best 10 of them within 10 tracks.
    masks = np.eye(12, dtype=bool).reshape(12, 1, 1, 12)
    result = of_videos([one_class(masks, np.linspace(0.9, 0.1, 12), masks)])
    assert result.ap == 1
    assert math.isclose(result.ar_1, 1 / 12)
    assert math.isclose(result.ar_10, 10 / 12)


def test_the_score_of_a_track_is_its_mean_where_it_was_found():
    # Track 1 is right: scores 0.9 and 0.5. Track 2 is wrong: 0.8, found once. So the wrong one is better.
    video = VideoTubes(np.zeros(1, np.int64), np.zeros(1, bool))
    mask, elsewhere = np.array([[[1, 0]]], bool), np.array([[[0, 1]]], bool)
    both = instances(np.concatenate([mask, elsewhere]), [0, 0], [0.9, 0.8])
    video.add(TrackedFrame(instances=both, track_ids=np.array([1, 2])), mask)
    video.add(TrackedFrame(instances=instances(mask, [0], [0.5]), track_ids=np.array([1])), mask)
    np.testing.assert_allclose(video.found().scores, [0.7, 0.8], rtol=1e-6)
    accumulator = TubePrecisionAccumulator(THINGS)
    accumulator.add(video)
    assert accumulator.result().ap == 0.5


def test_videos_without_tracks_and_without_objects():
    masks = np.ones((1, 2, 2, 2), bool)
    assert of_videos([one_class(masks[:0], [], masks)]).ap == 0
    assert math.isnan(of_videos([one_class(masks, [0.5], masks[:0])]).ap)


def test_bad_input_is_refused():
    video = VideoTubes(np.zeros(2, np.int64), np.zeros(2, bool))
    frame = TrackedFrame(instances=instances(np.ones((1, 2, 2)), [0], [0.5]), track_ids=np.array([1]))
    with pytest.raises(InputError, match=r"masks of the objects are \[1, 2, 2\]; expected \[2, 2, 2\]"):
        video.add(frame, np.ones((1, 2, 2), bool))
    masks = np.ones((1, 2, 2, 2), bool)
    stuff = (masks, np.array([THINGS]), np.array([0.5]), masks, np.zeros(1, int), np.zeros(1, bool))
    with pytest.raises(InputError, match="detection of class 3"):
        of_videos([stuff])
