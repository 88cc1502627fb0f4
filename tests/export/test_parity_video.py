"""Tracks and identities over a clip: drift, switches, and switches in a tie."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.export.parity_video import compare_steps, compare_videos, run_clip
from rapsam.export.sample_images import draw_scene, sample_clip
from rapsam.tasks.preprocess import letterbox
from rapsam.tasks.video import Clip

FRAMES = 5
QUERIES = 4


def video(seed=0, noise=0.0):
    """Four queries that stay themselves, each with a square that moves to the right."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(7).normal(size=(QUERIES, 16))
    frames = []
    for frame in range(FRAMES):
        mask_logits = np.full((QUERIES, 1, 16, 16), -5, np.float32)
        for query in range(QUERIES):
            mask_logits[query, 0, 4 * query : 4 * query + 3, frame : frame + 6] = 5
        queries = (base + noise * rng.normal(size=base.shape)).astype(np.float32)
        frames.append(Clip(np.zeros((QUERIES, 3), np.float32), queries, mask_logits))
    return frames


def swapped(frames, at, first=0, second=1):
    """From frame `at` on, two queries have exchanged all that they are."""
    order = np.arange(QUERIES)
    order[[first, second]] = order[[second, first]]
    return [
        Clip(each.class_logits, each.queries[order] if frame >= at else each.queries, each.mask_logits)
        for frame, each in enumerate(frames)
    ]


def compare(result, reference, rounded=()):
    return compare_videos(
        result,
        reference,
        rounded,
        clip="clip",
        runtime="test",
        provenance="measured",
        min_mask_iou=0.9,
    )


def test_equal_clips_pass():
    row = compare(video(), video())
    assert (row.status, row.transitions, row.switches) == ("passed", (FRAMES - 1) * QUERIES, 0)
    assert row.frame_ious == row.decided_ious == (1.0,) * FRAMES


def test_a_switch_is_counted_once_and_fails():
    row = compare(swapped(video(), at=2), video())
    assert (row.status, row.switches, row.benign) == ("failed", 2, 0)
    assert row.reason == "2 of 16 steps switch identities, 2 without a tie"
    assert row.frame_ious[:2] != row.frame_ious[2:4]


def test_a_switch_there_and_back_is_two_switches():
    there_and_back = swapped(swapped(video(), at=1), at=3)
    assert compare(there_and_back, video()).switches == 4


def test_a_switch_in_a_tie_is_benign():
    """Queries 0 and 1 are nearly the same vector, nearer than the rounded runs move them."""

    def twins(seed, noise):
        frames = video(seed, noise)
        for frame in frames:
            frame.queries[1] = frame.queries[0] + np.float32(1e-3) * frame.queries[2]
        return frames

    rounded = [twins(seed, 0.01) for seed in range(1, 4)]
    row = compare(swapped(twins(0, 0.0), at=2), twins(0, 0.0), rounded)
    assert (row.status, row.switches, row.benign) == ("benign", 2, 2)
    assert "without a tie" in row.reason
    assert compare(swapped(twins(0, 0.0), at=2, first=2, second=3), twins(0, 0.0), rounded).status == "failed"


def test_a_switch_that_a_rounded_run_takes_too_is_benign():
    assert compare(swapped(video(), at=2), video(), [swapped(video(), at=2)]).benign == 2
    assert compare(swapped(video(), at=2), video(), [swapped(video(), at=3)]).benign == 0


def test_longer_exchanges_are_followed():
    ring = np.array([1, 2, 0, 3])
    reference = [frame.queries for frame in video()]
    result = [queries[ring] if frame >= 1 else queries for frame, queries in enumerate(reference)]
    assert compare_steps(result, reference, []) == (16, 3, 0)


def test_drift_is_reported_frame_by_frame():
    result = video()
    for frame, each in enumerate(result):
        each.mask_logits[:, :, :, :frame] = -5
        each.mask_logits[:, :, :, frame : frame + frame] = -5
    row = compare(result, video())
    assert row.status == "failed"
    assert list(row.frame_ious) == sorted(row.frame_ious, reverse=True)
    assert row.frame_ious[0] == 1.0
    assert row.frame_ious[4] == pytest.approx(2 / 6)


def test_nan_fails():
    result = video()
    result[3].mask_logits[0] = np.nan
    assert (compare(result, video()).status, compare(result, video()).frame_ious) == ("failed", ())


class Recording:
    """A network that keeps what it was given."""

    max_clip = 1

    def __init__(self):
        self.seen = []

    def fit(self, image):
        return letterbox(image, (64, 64))

    def detect(self, frames):
        self.seen.append(frames)
        return video()[0]


def test_a_clip_runs_frame_by_frame_on_whole_pixel_values():
    network = Recording()
    assert len(run_clip(network, sample_clip(3, (40, 60)))) == 3
    assert all((frames == np.rint(frames)).all() for frames in network.seen)


def test_the_drawn_clip_moves_and_starts_as_a_scene():
    frames = sample_clip(3, (60, 80))
    assert np.array_equal(frames[0], draw_scene(4, (60, 80)))
    changes = [np.mean(np.abs(frame.astype(int) - frames[0]) > 40) for frame in frames]
    assert 0 == changes[0] < changes[1] < changes[2]
