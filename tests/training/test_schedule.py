import pytest

from rapsam.training.config import OptimiserConfig
from rapsam.training.schedule import rate_factor


def test_the_published_schedule():
    config = OptimiserConfig(schedule="step", milestones=(8 / 12, 11 / 12))
    assert rate_factor(0, 12_000, config) == pytest.approx(0.001)
    assert rate_factor(250, 12_000, config) == pytest.approx((0.001 + 1) / 2)
    assert rate_factor(500, 12_000, config) == 1
    assert rate_factor(7_999, 12_000, config) == 1
    assert rate_factor(8_000, 12_000, config) == pytest.approx(0.1)
    assert rate_factor(11_000, 12_000, config) == pytest.approx(0.01)


def test_cosine_falls_from_one_to_the_final_factor():
    config = OptimiserConfig(schedule="cosine", warmup_steps=100, final_factor=0.05)
    factors = [rate_factor(step, 1_000, config) for step in range(100, 1_000)]
    assert factors[0] == 1
    assert factors == sorted(factors, reverse=True)
    assert rate_factor(1_000, 1_000, config) == pytest.approx(0.05)


def test_no_warm_up():
    assert rate_factor(0, 10, OptimiserConfig(warmup_steps=0)) == 1
