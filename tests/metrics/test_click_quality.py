from __future__ import annotations

import math

import numpy as np
import pytest

from rapsam.errors import InputError
from rapsam.metrics.click_quality import ClickAccumulator

IOUS = np.array([[0.4, 0.6, 0.95], [0.85, 0.7, 0.8]])


def test_clicks_are_counted_until_the_iou_is_reached():
    accumulator = ClickAccumulator(3)
    accumulator.add(IOUS)
    found = accumulator.result()
    assert found.objects == 2
    assert found.mean_iou == pytest.approx((0.625, 0.65, 0.875))
    assert {each.iou: each.mean_clicks for each in found.clicks} == {0.5: 1.5, 0.8: 2, 0.85: 2, 0.9: 3}


def test_parts_are_joined():
    whole, one, other = ClickAccumulator(3), ClickAccumulator(3), ClickAccumulator(3)
    whole.add(IOUS)
    one.add(IOUS[:1])
    other.add(IOUS[1:])
    one.merge(other.state())
    assert one.result() == whole.result()
    with pytest.raises(InputError, match="3 clicks, expected 2"):
        ClickAccumulator(2).merge(whole.state())


def test_without_an_object_nothing_is_known():
    found = ClickAccumulator(2).result()
    assert found.objects == 0
    assert all(map(math.isnan, found.mean_iou))
    with pytest.raises(InputError, match=r"IoUs are \[2, 3\]; expected \(objects, 2 clicks\)"):
        ClickAccumulator(2).add(IOUS)
