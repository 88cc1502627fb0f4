"""What the reference decides clearly is told from what rounding decides, kind by kind."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.export.parity.decisions import (
    at_risk,
    content,
    count_flips,
    measure_margins,
    object_distances,
    undecided_queries,
)
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.video import Clip

GEOMETRY = ImageGeometry(padded_size=(64, 64), content_size=(64, 64), original_size=(64, 64))
POSTPROCESS = PostprocessSpec(score_threshold=0.6, overlap_threshold=0.5, top_k=2)


def clip(class_logits, masks):
    """Queries with the given class logits and the given rows of the mask map inside."""
    mask_logits = np.full((len(masks), 1, 8, 8), -4, np.float32)
    for query, rows in enumerate(masks):
        mask_logits[query, 0, rows] = 4
    return Clip(np.asarray(class_logits, np.float32), np.eye(len(masks), 4, dtype=np.float32), mask_logits)


def sure():
    """Query 0 is class 0, query 1 is class 1, query 2 is void; classes 0 and 1, then void."""
    return clip([[5, 0, 0], [0, 5, 0], [0, 0, 5]], [slice(0, 4), slice(4, 8), slice(0, 1)])


def noisy(base, seed, size):
    rng = np.random.default_rng(seed)
    return Clip(
        base.class_logits + rng.normal(0, size, base.class_logits.shape).astype(np.float32),
        base.queries,
        base.mask_logits + rng.normal(0, size, base.mask_logits.shape).astype(np.float32),
    )


def counts(result, reference, rounded):
    exact, ours, *runs = (
        object_distances(each, reference, GEOMETRY, POSTPROCESS) for each in (reference, result, *rounded)
    )
    return count_flips(ours, measure_margins(exact, runs))


def rounded_runs(reference, size=0.01):
    return [noisy(reference, seed, size) for seed in range(4)]


def test_near_a_tie_is_within_three_times_the_noise():
    reference = np.array([0.1, 0.31, -0.29, -5.0])
    runs = [reference + 0.1, reference - 0.1]
    assert at_risk(reference, runs).tolist() == [True, False, True, False]


def test_a_query_whose_mask_moves_is_at_risk_as_a_whole_and_no_other():
    reference = np.full((2, 4, 4), 1.0)
    moved = reference.copy()
    moved[0] += 0.5
    assert at_risk(reference, [moved, reference]).all(axis=(1, 2)).tolist() == [True, False]


def test_what_a_rounded_run_decides_otherwise_is_at_risk():
    reference = np.array([1.0] * 50)
    run = reference.copy()
    run[3] = -0.01
    assert at_risk(reference, [run] + [reference] * 30).nonzero()[0].tolist() == [3]


def test_without_rounded_runs_only_exact_ties_are_at_risk():
    assert at_risk([0.0, 1e-9], []).tolist() == [True, False]


def test_equal_results_flip_nothing():
    found = counts(sure(), sure(), rounded_runs(sure()))
    assert all(count.flips == 0 for count in found.values())
    assert found["mask pixel"].total == 3 * 64
    assert found["kept pixel"].total == 2 * 64


def test_flips_of_clear_pixels_are_errors_and_those_near_zero_are_benign():
    reference = sure()
    reference.mask_logits[0, 0, 5, 5] = 0.004
    result = sure()
    result.mask_logits[0, 0, 5, 5] = -0.004
    result.mask_logits[1, 0, 0, 0] = 4
    found = counts(result, reference, rounded_runs(reference))["mask pixel"]
    assert (found.flips, found.benign) == (2, 1)


@pytest.mark.parametrize(("logits", "benign"), [([2.0, 2.005, 0], 1), ([2, 5, 0], 0)])
def test_a_class_that_flips_in_a_tie_is_benign(logits, benign):
    """Query 0 is nearly a tie of classes 0 and 1, or clearly class 1; the result says class 0."""
    reference, result = sure(), sure()
    reference.class_logits[0] = logits
    found = counts(result, reference, rounded_runs(reference))["class"]
    assert (found.flips, found.benign) == (1, benign)


def at_score(probability):
    """Query 1 has its class with this probability."""
    made = sure()
    made.class_logits[1] = [0, np.log(2 * probability / (1 - probability)), 0]
    return made


@pytest.mark.parametrize(("ours", "benign"), [(0.5995, 1), (0.3, 1)])
def test_a_score_next_to_its_threshold_is_benign_whatever_the_result(ours, benign):
    reference = at_score(0.6005)
    found = counts(at_score(ours), reference, rounded_runs(reference))["score"]
    assert (found.total, found.flips, found.benign) == (2, 1, benign)
    exact, *runs = (
        object_distances(each, reference, GEOMETRY, POSTPROCESS)
        for each in (reference, *rounded_runs(reference))
    )
    margins = measure_margins(exact, runs)
    assert undecided_queries(reference, margins, 0.6).tolist() == [False, True, False]


def test_a_clear_score_that_is_lost_is_an_error():
    found = counts(at_score(0.3), sure(), rounded_runs(sure()))["score"]
    assert (found.flips, found.benign) == (1, 0)


def test_overlap_is_judged_among_the_queries_of_the_contest():
    """Query 1 covers all rows but wins half of them: exactly the threshold."""
    reference = sure()
    reference.mask_logits[1] = 4
    reference.mask_logits[0, 0, :4] = 9
    reference.mask_logits[0, 0, 4:] = -9
    result = Clip(*(array.copy() for array in reference))
    result.mask_logits[0, 0, 4] = 9
    found = counts(result, reference, rounded_runs(reference))["overlap"]
    assert (found.total, found.at_risk, found.flips, found.benign) == (2, 1, 0, 0)


def test_candidates_of_instances_are_at_risk_around_the_last_place():
    found = counts(sure(), sure(), rounded_runs(sure()))["top k"]
    assert (found.total, found.at_risk) == (6, 0)
    tied = clip([[5, 0, 0], [0, 3, 0], [3, 0, 0]], [slice(0, 4), slice(4, 8), slice(0, 1)])
    assert counts(tied, tied, rounded_runs(tied))["top k"].at_risk == 2


def test_padding_does_not_count():
    wide = ImageGeometry(padded_size=(64, 64), content_size=(30, 64), original_size=(60, 128))
    assert content(np.zeros((2, 16, 16), np.float32), wide).shape == (2, 8, 16)
