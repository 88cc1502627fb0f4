"""The interval of a ratio of medians: as sure as the samples allow, and no surer."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.benchmarks.compare.interval import ratio_of_medians

TURNS = (10, 10)


def times(seed: int, *, noise: float = 0.02, drift: float = 0.0, count: int = 200) -> list[float]:
    """Ten turns of times around 10 ms, each turn a little slower or faster than the others."""
    rng = np.random.default_rng(seed)
    turns = np.repeat(rng.normal(0, drift, 10), count // 10)
    return list(10 * (1 + turns + rng.normal(0, noise, count)))


def test_a_difference_that_is_there_is_found():
    found = ratio_of_medians(times(1), [1.3 * ms for ms in times(2)], TURNS)
    assert found is not None
    assert 1.25 < found.low < found.ratio < found.high < 1.35


def test_the_same_times_may_always_be_equal():
    found = [
        ratio_of_medians(times(seed, drift=0.1), times(seed + 100, drift=0.1), TURNS) for seed in range(40)
    ]
    within = sum(each.low <= 1 <= each.high for each in found if each)
    assert within >= 33, "of 40, where 38 are expected of a 95 % interval of very many turns"


def test_times_that_hang_together_make_one_less_sure_than_their_number_says():
    """Were samples drawn one by one, both intervals would be alike."""
    loose, tied = (
        ratio_of_medians(times(3, noise=noise, drift=drift), times(4, noise=noise, drift=drift), TURNS)
        for noise, drift in ((0.1, 0.0), (0.01, 0.1))
    )
    assert loose is not None
    assert tied is not None
    assert tied.high - tied.low > 2 * (loose.high - loose.low)


def test_two_calls_agree():
    assert ratio_of_medians(times(1), times(2), TURNS) == ratio_of_medians(times(1), times(2), TURNS)


@pytest.mark.parametrize("few", [[1.0] * 4, [0.0] * 20, []])
def test_what_says_nothing_has_no_interval(few):
    assert ratio_of_medians(few, [1.0] * 20, TURNS) is None
    assert ratio_of_medians([1.0] * 20, few, TURNS) is None


def test_more_turns_than_samples_are_no_trouble():
    found = ratio_of_medians([1.0, 1.1, 1.2, 1.0, 1.1], [2.0, 2.2, 2.1, 2.0, 2.2], (1000, 1000))
    assert found is not None
    assert 1.6 < found.low <= found.high < 2.3
