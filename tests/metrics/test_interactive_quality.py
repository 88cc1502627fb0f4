from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.metrics.interactive_quality import InteractiveAccumulator
from rapsam.metrics.mask_iou import mask_iou


def quality(predicted, wanted):
    accumulator = InteractiveAccumulator()
    accumulator.add(np.asarray(predicted, bool), np.asarray(wanted, bool))
    return accumulator.result()


def row(pixels, length=20):
    return [[1] * pixels + [0] * (length - pixels)]


def test_worked_example():
    # IoU 1, 17/20, 12/20 and 0.
    found = quality([row(20), row(17), row(12), row(0)], [row(20)] * 4)
    assert found.prompts == 4
    assert math.isclose(found.mean_iou, (1 + 0.85 + 0.6 + 0) / 4)
    assert [entry.iou for entry in found.clicks] == [0.5, 0.8, 0.85, 0.9]
    # An IoU that is exactly reached counts as reached.
    one, never = 1, 20
    expected = [
        (3 * one + never) / 4,
        (2 * one + 2 * never) / 4,
        (2 * one + 2 * never) / 4,
        (one + 3 * never) / 4,
    ]
    np.testing.assert_allclose([entry.mean_clicks for entry in found.clicks], expected)


@given(seed=st.integers(0, 1000))
def test_mean_iou_by_definition(seed):
    rng = np.random.default_rng(seed)
    predicted, wanted = rng.random((5, 6, 7)) < 0.5, rng.random((5, 6, 7)) < 0.5
    assert math.isclose(quality(predicted, wanted).mean_iou, np.diagonal(mask_iou(predicted, wanted)).mean())


def test_images_without_prompts():
    found = quality(np.zeros((0, 4, 4)), np.zeros((0, 4, 4)))
    assert found.prompts == 0
    assert math.isnan(found.mean_iou)
    assert all(math.isnan(entry.mean_clicks) for entry in found.clicks)


def test_bad_masks_are_refused():
    with pytest.raises(InputError, match=r"predicted masks are \[1, 1, 20\], wanted ones \[2, 1, 20\]"):
        quality([row(3)], [row(3)] * 2)
    with pytest.raises(InputError, match="asks for an empty mask"):
        quality([row(3)], [row(0)])
