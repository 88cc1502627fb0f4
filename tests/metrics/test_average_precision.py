from __future__ import annotations

import math

import numpy as np

from rapsam.metrics.average_precision import JudgedStore, Judgement


def judged(scores, right, references=1, ignored=None):
    """Judges detections of class 0 that are right at all IoUs or at none."""
    matched = np.repeat(np.array(right, bool)[None, None], 10, axis=1)
    ignore = (
        np.zeros(matched.shape, bool)
        if ignored is None
        else np.broadcast_to(np.array(ignored), matched.shape)
    )
    return Judgement(0, np.array(scores, float), matched, ignore, np.array([references]))


def table(*judgements, max_detections=100):
    store = JudgedStore(1, 1)
    store.add(judgements)
    found = store.table(max_detections)
    return found.precision[0, 0, 0], found.recall[0, 0, 0]


def test_the_best_detection_wrong():
    # Recall stays 0 at precision 0, then 1 at precision 1/2, which holds for all recalls.
    precision, recall = table(judged([0.9, 0.8], [False, True]))
    assert (precision, recall) == (0.5, 1)


def test_half_of_the_objects_found():
    # Precision 1 at the recalls 0, 0.01, .., 0.50: 51 of 101.
    precision, recall = table(judged([0.9], [True], references=2))
    assert math.isclose(precision, 51 / 101)
    assert recall == 0.5


def test_precision_never_rises_with_recall():
    # Right, wrong, right: precision 1, 1/2, 2/3; from recall above 1/2 on it is 2/3.
    precision, _ = table(judged([0.9, 0.8, 0.7], [True, False, True], references=2))
    assert math.isclose(precision, (51 + 50 * 2 / 3) / 101)


def test_ignored_detections_are_neither_right_nor_wrong():
    assert table(judged([0.9, 0.8], [False, True], ignored=[True, False])) == (1, 1)


def test_detections_of_all_images_are_ranked_together():
    images = [judged([0.2], [False], references=0), judged([0.9], [True])]
    assert table(*images) == (1, 1)
    assert table(*reversed(images)) == (1, 1)


def test_equal_scores_keep_the_order_of_the_images():
    best, right = judged([0.9], [True]), judged([0.5], [True])
    wrong = judged([0.5], [False], references=0)
    assert table(*[right, best] * 30, *[wrong] * 60)[0] == 1
    # The best 30 of 60 objects are found first; then 60 are wrong, and in the end 60 of 120 are right.
    assert math.isclose(table(*[wrong, best, wrong] * 30, *[right] * 30)[0], (51 + 50 * 60 / 120) / 101)


def test_only_the_best_of_each_image_count():
    images = [judged([0.9, 0.8], [False, True]), judged([0.3, 0.2], [True, True], references=2)]
    precision, recall = table(*images, max_detections=1)
    assert recall == 1 / 3
    # Wrong, right: precision 1/2 at the recalls up to 1/3.
    assert math.isclose(precision, 34 / 101 / 2)


def test_without_detections_and_without_objects():
    assert table(judged([], [], references=3)) == (0, 0)
    assert all(math.isnan(value) for value in table(judged([0.5], [False], references=0)))


def test_each_range_of_area_is_judged_apart():
    store = JudgedStore(2, 4)
    matched = np.zeros((4, 10, 1), bool)
    matched[1, :5] = True
    ignored = np.zeros((4, 10, 1), bool)
    ignored[3, 9] = True
    store.add([Judgement(1, np.array([0.5]), matched, ignored, np.array([1, 1, 2, 1]))])
    precision, recall = store.table()
    np.testing.assert_array_equal(precision[1, 1], [1] * 5 + [0] * 5)
    np.testing.assert_array_equal(recall[1, [0, 2, 3]], 0)
    assert np.isnan(precision[0]).all()
