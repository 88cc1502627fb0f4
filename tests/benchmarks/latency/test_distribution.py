from __future__ import annotations

import statistics

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.benchmarks.latency.distribution import (
    MIN_FOR_P99,
    Distribution,
    distribution,
    milliseconds,
    same_figures,
)

TIMES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=250)


@given(TIMES)
def test_figures_are_in_order_and_within_the_samples(samples):
    found = distribution(samples)
    ordered = [found.min, found.p5, found.p50, found.p90, found.p95, found.p99, found.max]
    known = [value for value in ordered if value is not None]
    assert known == sorted(known)
    assert found.n == len(samples)
    assert found.min <= found.trimmed_mean <= found.max
    assert found.min <= found.mean <= found.max


@given(TIMES)
def test_figures_are_those_of_the_library_of_python(samples):
    found = distribution(samples)
    assert found.mean == pytest.approx(statistics.fmean(samples), abs=1e-6)
    assert found.p50 == pytest.approx(statistics.median(samples), abs=1e-6)
    if len(samples) > 1:
        assert found.std == pytest.approx(statistics.stdev(samples), rel=1e-6, abs=2e-6)
        tenths = statistics.quantiles(samples, n=20, method="inclusive")
        assert (found.p5, found.p90, found.p95) == pytest.approx(
            (tenths[0], tenths[17], tenths[18]), abs=1e-6
        )


@given(TIMES, st.randoms())
def test_the_order_of_samples_does_not_matter(samples, rng):
    shuffled = rng.sample(samples, len(samples))
    assert same_figures(distribution(samples), distribution(shuffled))


def test_the_trimmed_mean_leaves_a_tenth_out_at_either_end():
    assert distribution([1000.0, *[2.0] * 8, 0.0]).trimmed_mean == 2.0
    assert distribution([1.0, 4.0]).trimmed_mean == 2.5


@pytest.mark.parametrize(("count", "is_known"), [(1, False), (MIN_FOR_P99 - 1, False), (MIN_FOR_P99, True)])
def test_the_99th_percentile_needs_a_hundred_samples(count, is_known):
    assert (distribution([1.0] * count).p99 is not None) == is_known


def test_one_sample_has_no_deviation():
    assert distribution([3.0]).std is None


@given(TIMES, st.sampled_from([name for name in Distribution.__struct_fields__ if name != "n"]))
def test_a_changed_figure_is_seen(samples, name):
    found = distribution(samples)
    value = getattr(found, name)
    changed = msgspec.structs.replace(found, **{name: 1.0 if value is None else value * 1.01 + 0.01})
    assert not same_figures(changed, found)


@given(st.integers(0, 10**15))
def test_milliseconds_are_exact_to_the_nanosecond(nanoseconds):
    assert np.rint(milliseconds(nanoseconds) * 1e6) == pytest.approx(nanoseconds, rel=1e-15)
