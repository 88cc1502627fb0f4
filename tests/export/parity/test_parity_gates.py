"""A missed gate is excused only if rounding misses it alike, and if what is left reaches it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.export.parity.gates import excuse, under_gate, worst_status


@pytest.mark.parametrize(
    ("figure", "decided", "rounded", "status"),
    [
        (0.80, 1.0, (0.99, 0.85), "benign"),  # rounding misses the gate too
        (0.80, 1.0, (0.99, 0.98), "failed"),  # rounding is far better
        (0.96, 1.0, (0.99, 0.98), "benign"),  # rounding has half of the error
        (0.95, 1.0, (0.99, 0.98), "failed"),
        (0.80, 1.0, (), "failed"),
        (0.80, 0.9, (0.50,), "failed"),  # what is decided is wrong
        (0.80, None, (0.50,), "not meaningful"),
        (0.80, None, (0.99,), "failed"),
        (0.00, 1.0, (0.50,), "failed"),  # a collapse
        (0.00, None, (0.50,), "failed"),
        (0.00, None, (0.00,), "not meaningful"),
    ],
)
def test_what_excuses_a_missed_gate(figure, decided, rounded, status):
    found, reason = excuse("PQ is low", figure, 0.97, decided, rounded)
    assert found == status
    assert reason.removeprefix("collapsed: ").startswith("PQ is low; ")
    assert reason.startswith("collapsed") == (figure == 0 and status == "failed")


@given(st.floats(0, 0.96), st.lists(st.floats(0.97, 1), max_size=4))
def test_rounding_that_never_misses_the_gate_excuses_twice_its_error_at_most(figure, rounded):
    found, _ = excuse("low", figure, 0.97, 1.0, rounded)
    worst = 1 - min(rounded, default=1.0)
    assert (found == "benign") == (1 - figure <= 2 * worst)


def test_nan_misses_every_gate():
    assert under_gate("IoU", float("nan"), 0.0)
    assert not under_gate("IoU", 0.97, 0.97)
    assert not under_gate("cosine", 0.0, None)


def test_the_worst_of_several_verdicts_counts():
    assert worst_status(("passed", "benign")) == "benign"
    assert worst_status(("benign", "not meaningful")) == "not meaningful"
    assert worst_status(("not meaningful", "failed")) == "failed"
