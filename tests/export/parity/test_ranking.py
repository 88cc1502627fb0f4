"""The order of candidates counts where the reference decides it, and only there."""

from __future__ import annotations

import numpy as np

from rapsam.export.parity.ranking import judge_order, order_distances

REFERENCE = np.array([[0.2, 0.9, 0.5, 0.501], [0.1, 0.2, 0.3, 0.4]], np.float32)


def rounded(runs=4, size=0.002):
    rng = np.random.default_rng(0)
    return [(REFERENCE + rng.normal(0, size, REFERENCE.shape)).astype(np.float32) for _ in range(runs)]


def test_every_pair_of_candidates_is_a_decision():
    assert order_distances(REFERENCE).shape == (2, 6)
    assert order_distances(REFERENCE[:, :1]).shape == (2, 0)


def test_candidates_in_the_order_of_the_reference_pass():
    assert judge_order(REFERENCE + 0.01, REFERENCE, rounded()) == ("passed", "")


def test_a_tie_may_break_either_way():
    ours = REFERENCE.copy()
    ours[0, 2:] = ours[0, :1:-1]
    assert judge_order(ours, REFERENCE, rounded()) == ("passed", "")
    assert judge_order(ours[:1], REFERENCE[:1], [])[0] == "failed"


def test_candidates_in_another_order_fail():
    status, reason = judge_order(REFERENCE[:, ::-1], REFERENCE, rounded())
    assert status == "failed"
    assert reason.endswith("of 11 pairs of candidates with a clear order have the other")


def test_one_candidate_has_no_order():
    assert judge_order(REFERENCE[:, :1] + 1, REFERENCE[:, :1], []) == ("passed", "")
