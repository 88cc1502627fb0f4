"""The tasks still give what they gave when the fixture was made."""

from __future__ import annotations

import numpy as np
import pytest

from tests.make_fixtures import PATH, make_outputs


@pytest.fixture(scope="module")
def stored():
    return dict(np.load(PATH))


@pytest.fixture(scope="module")
def outputs(stored):
    return make_outputs(stored)


def test_fixture_is_small():
    assert PATH.stat().st_size < 200_000


def test_fixture_exercises_the_tasks(stored):
    assert len(stored["segment_ids"]) >= 4
    assert {True, False} == set((stored["segment_ids"] >= 1000).tolist())
    assert len(stored["instance_scores"]) >= 5


def test_same_names(stored, outputs):
    assert set(outputs) <= set(stored)


def test_outputs_are_unchanged(stored, outputs):
    for name, values in outputs.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, stored[name], rtol=1e-5, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(values, stored[name], err_msg=name)
