"""PQ and STQ against the rules of their owners' programs, written down once more, pixel by pixel.

panopticapi (COCO) and segmentation_and_tracking_quality (STEP, VIPSeg) work on dictionaries and on a full
confusion matrix; so does this file.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rapsam.metrics.panoptic_quality import PanopticAccumulator
from rapsam.metrics.tracking_quality import TrackingAccumulator
from tests.metrics.scenes import CLASSES, THINGS, overlaps_of, random_frames, spoiled


def panopticapi(images, crowds):
    """PQ over images."""
    iou_sum, found, wrong = Counter(), Counter(), Counter()
    for predicted, reference in images:
        ours, theirs = Counter(predicted.ravel().tolist()), Counter(reference.ravel().tolist())
        pairs = Counter(zip(predicted.ravel().tolist(), reference.ravel().tolist(), strict=True))
        matched = {}
        for (our, their), shared in pairs.items():
            if CLASSES not in (our, their) and their not in crowds and our % 1000 == their % 1000:
                iou = shared / (ours[our] + theirs[their] - shared - pairs[our, CLASSES])
                if iou > 0.5:
                    matched[our] = their
                    iou_sum[our % 1000] += iou
        found.update(our % 1000 for our in matched)
        wrong.update(each % 1000 for each in unmatched(ours, theirs, pairs, matched, crowds))
    qualities = [
        iou_sum[each] / (found[each] + wrong[each] / 2)
        for each in range(CLASSES)
        if found[each] + wrong[each]
    ]
    return np.mean(qualities) if qualities else np.nan


def unmatched(ours, theirs, pairs, matched, crowds):
    """Yields missed and extra segments; of the crowds of a class the dictionary keeps the one listed last."""
    crowd_of = {their % 1000: their for their in sorted(theirs) if their in crowds}
    yield from theirs.keys() - {CLASSES, *matched.values(), *crowds}
    for our in ours.keys() - {CLASSES, *matched}:
        forgiven = pairs[our, CLASSES]
        if our % 1000 in crowd_of:
            forgiven += pairs[our, crowd_of[our % 1000]]
        if forgiven / ours[our] <= 0.5:
            yield our


def step(videos, crowds):
    """STQ over videos, with a confusion matrix that has a row and a column for void."""
    confusion = np.zeros((CLASSES + 1, CLASSES + 1), np.int64)
    association, tubes = 0.0, 0
    for predicted, reference in videos:
        np.add.at(confusion, (reference % 1000, predicted % 1000), 1)
        on_crowd = np.isin(reference, crowds)
        wanted = (reference % 1000 < THINGS) & ~on_crowd
        tracked = (predicted % 1000 < THINGS) & ~on_crowd
        sizes, tracks = Counter(reference[wanted].tolist()), Counter(predicted[tracked].tolist())
        both = wanted & tracked
        shared = Counter(zip(reference[both].tolist(), predicted[both].tolist(), strict=True))
        for tube, size in sizes.items():
            inner = sum(
                count * count / (tracks[track] + size - count)
                for (owner, track), count in shared.items()
                if owner == tube
            )
            association += inner / size
            tubes += 1
    confusion[CLASSES] = 0  # void of the reference is left out, void of the prediction is not
    right = confusion.diagonal()
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - right
    mean_iou = (right[union > 0] / union[union > 0]).sum() / np.count_nonzero(union)
    return np.sqrt(association / tubes * mean_iou) if tubes else np.nan


def random_scenes(seed, count=2):
    references = [random_frames(seed + number) for number in range(count)]
    return [(spoiled(reference, seed), reference) for reference in references]


@given(seed=st.integers(0, 100_000), crowds=st.sets(st.sampled_from([1000, 2000, 3001, 4001, 5002])))
def test_pq_is_that_of_panopticapi(seed, crowds):
    images = [pair for video in random_scenes(seed) for pair in zip(*video, strict=True)]
    accumulator = PanopticAccumulator(CLASSES, THINGS)
    for predicted, reference in images:
        accumulator.add(predicted, reference, np.array(sorted(crowds), np.int32))
    np.testing.assert_allclose(accumulator.result().pq, panopticapi(images, crowds))


@given(seed=st.integers(0, 100_000), crowds=st.sets(st.sampled_from([1000, 2000, 3001, 4001, 5002])))
def test_stq_is_that_of_step(seed, crowds):
    videos = random_scenes(seed)
    accumulator = TrackingAccumulator(CLASSES, THINGS)
    for video in videos:
        accumulator.add(overlaps_of(*video), np.array(sorted(crowds), np.int32))
    np.testing.assert_allclose(accumulator.result().stq, step(videos, list(crowds)))


def test_only_the_last_of_several_crowds_forgives():
    reference = np.array([[1000, 1000, 2000, 3001]], np.int32)
    crowds = np.array([1000, 2000], np.int32)
    accumulator = PanopticAccumulator(CLASSES, THINGS)
    accumulator.add(np.array([[9000, 9000, 9000, 3001]], np.int32), reference, crowds)
    assert accumulator.result().pq == 0.5
    accumulator = PanopticAccumulator(CLASSES, THINGS)
    accumulator.add(np.array([[9000, CLASSES, 8000, 3001]], np.int32), reference, crowds)
    assert [entry.false_positives for entry in accumulator.result().per_class] == [1, 0]


def test_predicted_void_on_labelled_pixels_is_one_more_class():
    accumulator = TrackingAccumulator(CLASSES, THINGS)
    accumulator.add(overlaps_of([[[1000, 3, CLASSES]]], [[[1000, 3, 3]]]))
    assert accumulator.result().segmentation_quality == 0.5  # of 1, 1/2 and 0
    accumulator = TrackingAccumulator(CLASSES, THINGS)
    accumulator.add(overlaps_of([[[1000, 3, CLASSES]]], [[[1000, 3, CLASSES]]]))
    assert accumulator.result().segmentation_quality == 1
