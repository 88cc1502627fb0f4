"""Tracks and identities over a clip: drift, switches, and switches in a tie."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from rapsam.export.parity.sample_images import draw_scene, sample_clip
from rapsam.export.parity.video import compare_steps, compare_videos, run_clip
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


def compare(result, reference, rounded=(), min_mask_iou=0.9):
    return compare_videos(
        result,
        reference,
        rounded,
        clip="clip",
        runtime="test",
        provenance="measured",
        min_mask_iou=min_mask_iou,
    )


def test_equal_clips_pass():
    row = compare(video(), video())
    assert (row.status, row.transitions, row.switches) == ("passed", (FRAMES - 1) * QUERIES, 0)
    assert row.frame_ious == row.query_ious == row.decided_ious == (1.0,) * FRAMES


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


def without_masks(frames, at):
    """Empties all masks of some frames."""
    return [
        Clip(each.class_logits, each.queries, -np.abs(each.mask_logits) if frame in at else each.mask_logits)
        for frame, each in enumerate(frames)
    ]


def test_frames_without_masks_are_not_counted_as_equal():
    empty = without_masks(video(), at=(1, 2))
    row = compare(empty, empty)
    assert row.status == "passed"
    assert row.frame_ious == row.query_ious == (1.0, None, None, 1.0, 1.0)
    assert json.loads(msgspec.json.encode(row))["frame_ious"] == [1.0, None, None, 1.0, 1.0]


def test_a_clip_without_masks_means_nothing():
    empty = without_masks(video(), at=range(FRAMES))
    row = compare(empty, empty)
    assert (row.status, row.frame_ious) == ("not meaningful", (None,) * FRAMES)


def test_pixels_that_rounding_decides_prove_nothing():
    """Every mask lies within rounding distance of 0, and comes out empty."""
    unsure, result = video(), video()
    for frame, each in enumerate(unsure):
        each.mask_logits[:] = np.where(each.mask_logits > 0, 0.01, -0.01)
        result[frame].mask_logits[:] = -0.01
    runs = [without_masks(unsure, at=range(FRAMES))] * 2
    row = compare(result, unsure, runs)
    assert (row.status, row.decided_ious, row.rounded_iou) == ("not meaningful", (None,) * FRAMES, 0.0)
    row = compare(result, unsure, [unsure] * 2)
    assert row.status == "failed"
    assert row.reason.startswith("collapsed")


def many(count=25):
    """As `video`, with so many queries that a single switch is within the gate."""
    rng = np.random.default_rng(5)
    queries = rng.normal(size=(count, 64)).astype(np.float32)
    mask_logits = rng.normal(size=(count, 1, 8, 8)).astype(np.float32)
    return [Clip(np.zeros((count, 3), np.float32), queries, mask_logits) for _ in range(FRAMES)]


def exchanged(frames, at):
    """From frame `at` on, the embeddings of two queries are exchanged."""
    order = np.arange(len(frames[0].queries))
    order[[0, 1]] = [1, 0]
    return [
        each._replace(queries=each.queries[order] if frame >= at else each.queries)
        for frame, each in enumerate(frames)
    ]


def test_a_switch_without_a_tie_is_never_benign():
    row = compare(exchanged(many(), at=2), many())
    assert (row.status, row.switches, row.benign) == ("passed", 2, 0)
    assert row.reason == "2 of 100 steps switch identities, 2 without a tie"
    strict = compare(exchanged(many(), at=2), many(), min_mask_iou=0.99)
    assert strict.status == "failed"
    assert strict.reason.startswith("mask IoU of the tracks 0.9")


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


def test_the_padding_of_frames_is_cut_off():
    """Images of 40 x 60 fill 43 of 64 rows: 11 of 16 in the mask logits."""
    clips = run_clip(Recording(), sample_clip(2, (40, 60)))
    assert [each.mask_logits.shape for each in clips] == [(QUERIES, 1, 11, 16)] * 2


def test_the_drawn_clip_moves_and_starts_as_a_scene():
    frames = sample_clip(3, (60, 80))
    assert np.array_equal(frames[0], draw_scene(4, (60, 80)))
    changes = [np.mean(np.abs(frame.astype(int) - frames[0]) > 40) for frame in frames]
    assert 0 == changes[0] < changes[1] < changes[2]
