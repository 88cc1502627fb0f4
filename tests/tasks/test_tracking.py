from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.instances import instance_segmentation, rank_pairs
from rapsam.tasks.video import (
    Clip,
    NearOnlineTracker,
    TrackNumbers,
    match_queries,
    merge_clips,
    video_instances,
)
from tests.golden_files import golden

GEOMETRY = ImageGeometry(padded_size=(32, 32), content_size=(32, 20), original_size=(25, 30))


def random_clips(seed, lengths=(3, 2, 2), queries=8, classes=5):
    """Clips whose queries are those of the first clip, shuffled and slightly moved."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(0, 1, (queries, 16))
    clips = []
    for length in lengths:
        order = rng.permutation(queries)
        moved = embeddings[order] + rng.normal(0, 0.05, embeddings.shape)
        class_logits = 3 * np.eye(queries, classes + 1)[order] + rng.normal(0, 0.3, (queries, classes + 1))
        mask_logits = rng.normal(0, 0.5, (queries, length, 8, 8)) + order[:, None, None, None] - 4
        clips.append(Clip(*(part.astype(np.float32) for part in (class_logits, moved, mask_logits))))
    return clips


def test_golden_matching():
    stored = golden("postproc_synth")
    previous, current = (stored[name][0].astype(np.float32) for name in ("match_tgt", "match_cur"))
    np.testing.assert_array_equal(match_queries(previous, current), stored["match_idx"])


def test_golden_mean_of_class_logits():
    stored = golden("vid_r18_T7_128x160")
    ends = [0, *stored["tube_ends"].tolist()]
    # One-hot queries that the stored permutations put into order.
    ordered = np.eye(100, dtype=np.float32)
    clips = []
    for place, class_logits in enumerate(stored["tube_cls"]):
        queries = ordered.copy()
        if place:
            queries[stored["match_idx"][place - 1]] = ordered
        clips.append(
            Clip(class_logits, queries, np.zeros((100, ends[place + 1] - ends[place], 1, 1), np.float32))
        )
    class_logits, mask_logits = merge_clips(clips)
    np.testing.assert_allclose(class_logits, stored["merged_cls"], atol=1e-5)
    assert mask_logits.shape[1] == 7


@pytest.mark.parametrize("name", ["vid_r18_T2_128x160", "vid_r18_T7_128x160"])
def test_golden_tracks_have_the_ranked_labels(name):
    stored = golden(name)
    pairs = rank_pairs(stored["merged_cls"], 40)
    for frame in range(len(stored["frames_uint8"])):
        assert sorted(stored[f"f{frame}_labels"].tolist()) == sorted(pairs.labels.tolist())
        assert sorted(stored[f"f{frame}_ids"].tolist()) == list(range(1, 101))


@given(seed=st.integers(0, 1000))
def test_matching_undoes_a_permutation(seed):
    rng = np.random.default_rng(seed)
    queries = rng.normal(0, 1, (12, 16)).astype(np.float32)
    order = rng.permutation(12)
    scale = rng.uniform(0.5, 2, (12, 1)).astype(np.float32)
    np.testing.assert_array_equal(order[match_queries(queries, scale * queries[order])], np.arange(12))


def test_a_query_of_zeros_is_matched_too():
    queries = np.eye(3, dtype=np.float32)
    queries[1] = 0
    np.testing.assert_array_equal(match_queries(queries, queries[::-1].copy()), [2, 1, 0])


@pytest.mark.parametrize("shape", [(4, 8), (5, 7), (5,)])
def test_queries_of_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match="expected \\(queries, channels\\) twice"):
        match_queries(np.zeros((5, 8), np.float32), np.zeros(shape, np.float32))


def test_queries_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="queries hold 1 NaN"):
        match_queries(np.eye(3, dtype=np.float32), np.diag([1, 1, np.nan]).astype(np.float32))


@pytest.mark.parametrize("clips_before", [0, 1])
def test_a_clip_that_is_refused_changes_nothing(clips_before):
    clips = list(random_clips(1))
    tracker, other = NearOnlineTracker(), NearOnlineTracker()
    for clip in clips[:clips_before]:
        tracker.update(*clip)
        other.update(*clip)
    class_logits, queries, mask_logits = clips[clips_before]
    with pytest.raises(InputError, match="queries hold 1 NaN"):
        tracker.update(class_logits, np.where(queries == queries.max(), np.nan, queries), mask_logits)
    for clip in clips[clips_before:]:
        for mine, expected in zip(tracker.update(*clip), other.update(*clip), strict=True):
            np.testing.assert_array_equal(mine, expected)


@given(seed=st.integers(0, 200))
def test_tracker_restores_the_first_order(seed):
    tracker = NearOnlineTracker()
    associated = [tracker.update(*clip) for clip in random_clips(seed)]
    first = associated[0]
    np.testing.assert_array_equal(first.order, np.arange(8))
    for clip in associated[1:]:
        np.testing.assert_allclose(clip.queries, first.queries, atol=0.6)
        assert (
            clip.mask_logits.mean(axis=(1, 2, 3)).round() == first.mask_logits.mean(axis=(1, 2, 3)).round()
        ).all()


def test_merged_clips_equal_the_last_running_mean():
    clips = random_clips(3)
    tracker = NearOnlineTracker()
    associated = [tracker.update(*clip) for clip in clips]
    class_logits, mask_logits = merge_clips(clips)
    np.testing.assert_array_equal(class_logits, associated[-1].class_logits)
    np.testing.assert_array_equal(
        mask_logits, np.concatenate([clip.mask_logits for clip in associated], axis=1)
    )
    own = [clip.class_logits[found.order] for clip, found in zip(clips, associated, strict=True)]
    np.testing.assert_allclose(class_logits, np.mean(own, axis=0), atol=1e-6)
    np.testing.assert_allclose(associated[1].class_logits, np.mean(own[:2], axis=0), atol=1e-6)


def test_merged_clips_drop_shared_frames():
    _, mask_logits = merge_clips(random_clips(1, lengths=(3, 3, 3)), overlap=1)
    assert mask_logits.shape[1] == 3 + 2 + 2


def test_no_clips_are_refused():
    with pytest.raises(InputError, match="no clips"):
        merge_clips([])


@pytest.mark.parametrize(
    ("part", "shape"), [(0, (8, 4)), (0, (7, 6)), (1, (7, 16)), (1, (8, 9)), (2, (8, 8, 8))]
)
def test_clips_that_do_not_fit_are_refused(part, shape):
    first, second = random_clips(0, lengths=(2, 2))
    tracker = NearOnlineTracker()
    tracker.update(*first)
    with pytest.raises(InputError, match="expected"):
        tracker.update(
            *(np.zeros(shape, np.float32) if place == part else array for place, array in enumerate(second))
        )


def test_tracks_are_ranks_and_keep_their_query():
    class_logits, mask_logits = merge_clips(random_clips(5))
    pairs = rank_pairs(class_logits, 5, top_k=10)
    frames = list(video_instances(class_logits, mask_logits, GEOMETRY, 5, top_k=10))
    assert len(frames) == 7
    for frame in frames:
        assert sorted(frame.track_ids.tolist()) == list(range(1, 11))
        np.testing.assert_array_equal(frame.instances.queries, pairs.queries[frame.track_ids - 1])
        np.testing.assert_array_equal(frame.instances.labels, pairs.labels[frame.track_ids - 1])


def test_a_frame_equals_the_image_task():
    class_logits, mask_logits = merge_clips(random_clips(5))
    for place, frame in enumerate(video_instances(class_logits, mask_logits, GEOMETRY, 5)):
        expected = instance_segmentation(class_logits, mask_logits[:, place], GEOMETRY, 5)
        np.testing.assert_array_equal(frame.instances.scores, expected.scores)
        np.testing.assert_array_equal(frame.instances.masks, expected.masks)


def test_min_score_keeps_the_ids_of_the_rest():
    class_logits, mask_logits = merge_clips(random_clips(5))
    everything = list(video_instances(class_logits, mask_logits, GEOMETRY, 5))
    best = list(video_instances(class_logits, mask_logits, GEOMETRY, 5, min_score=0.3))
    for one, other in zip(everything, best, strict=True):
        keep = one.instances.scores >= 0.3
        assert 0 < keep.sum() < len(keep)
        np.testing.assert_array_equal(other.track_ids, one.track_ids[keep])


def test_track_ids_survive_from_clip_to_clip():
    tracker, numbers, seen = NearOnlineTracker(), TrackNumbers(), {}
    for clip in random_clips(7):
        found = tracker.update(*clip)
        for frame in video_instances(
            found.class_logits, found.mask_logits, GEOMETRY, 5, top_k=6, numbers=numbers
        ):
            pairs = zip(frame.instances.queries.tolist(), frame.instances.labels.tolist(), strict=True)
            for track, pair in zip(frame.track_ids.tolist(), pairs, strict=True):
                assert seen.setdefault(track, pair) == pair
    assert len(set(seen.values())) == len(seen)
