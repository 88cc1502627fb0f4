"""Few values that stand for many."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rapsam.quantize.palette import nearest, weighted_palette

NUMBERS = arrays.arrays(np.float64, st.integers(1, 60), elements=st.floats(-5, 5, width=32))


def squared_error(values, weights, palette):
    return (weights * np.square(values[:, None] - palette).min(1)).sum()


@given(NUMBERS, st.integers(1, 8))
def test_a_palette_is_short_ascending_and_within_its_numbers(values, count):
    palette = weighted_palette(values, np.ones_like(values), count)
    assert 1 <= len(palette) <= count
    assert (np.diff(palette) >= 0).all()
    assert values.min() - 1e-9 <= palette[0] <= palette[-1] <= values.max() + 1e-9


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=6, unique=True), st.integers(1, 20))
def test_numbers_that_fit_are_their_own_palette(distinct, times):
    values = np.repeat(np.array(distinct, np.float64), times)
    assert weighted_palette(values, np.ones_like(values), 6).tolist() == sorted(distinct)


def test_a_palette_is_no_worse_than_an_even_one():
    values = np.random.default_rng(0).normal(size=2000)
    weights = np.ones_like(values)
    even = np.linspace(values.min(), values.max(), 16)
    found = squared_error(values, weights, weighted_palette(values, weights, 16))
    assert found < 0.8 * squared_error(values, weights, even)


def test_what_counts_more_is_nearer():
    values = np.random.default_rng(1).normal(size=500)
    heavy = np.where(values > 0, 1000.0, 1.0)
    plain, weighted = (weighted_palette(values, weights, 8) for weights in (np.ones(500), heavy))
    positive = values > 0
    errors = [squared_error(values[positive], np.ones(positive.sum()), p) for p in (plain, weighted)]
    assert errors[1] < errors[0]


@given(NUMBERS)
def test_the_nearest_entry_is_taken(values):
    palette = torch.tensor([-2.0, -0.5, 0.0, 3.0])
    given_values = torch.from_numpy(values).float().reshape(-1, 1)
    found = nearest(given_values, palette)
    assert found.shape == given_values.shape
    best = (given_values - palette).abs().min(1).values
    assert torch.equal((given_values - found).abs()[:, 0], best)
