"""Axes of all ranges that a record may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.benchmarks.report.page.scales import linear_scale, log_scale

TIMES = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=5)
RATIOS = st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=5)


@given(TIMES)
def test_axes_of_ratios(values):
    scale = log_scale(values, 50, 400)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    assert all(50 <= scale.place(value) <= 400 for value in (*ticks, *values))


@given(RATIOS, st.booleans())
def test_axes_of_differences(values, from_zero):
    scale = linear_scale(values, 300, 20, from_zero=from_zero)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 9
    assert ticks == sorted(set(ticks))
    assert all(19.99 <= scale.place(value) <= 300.01 for value in (*ticks, *values))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([91, 233], [100, 150, 200]), ([1.1], [0.8, 0.9, 1, 1.2, 1.4]), ([1, 5000], [1, 10, 100, 1000])],
)
def test_ticks_are_round(values, ticks):
    assert log_scale(values, 0, 1).ticks() == ticks


def test_an_axis_from_zero_begins_there():
    assert linear_scale([3, 7], 0, 1, from_zero=True).place(0) == 0
    assert linear_scale([0, 35], 0, 1, from_zero=True).ticks() == [0, 10, 20, 30]
