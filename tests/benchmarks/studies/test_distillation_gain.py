"""The interval of what prompts in the loop add."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.benchmarks.studies.distillation_gain import paired_gain
from rapsam.benchmarks.studies.distillation_records import ByImage, ImageIous, MeanIou


def _images(regions, ious):
    return tuple(
        ImageIous(regions=count, truth=MeanIou(click=iou, box=0.5), teacher=MeanIou(click=0.5, box=0.5))
        for count, iou in zip(regions, ious, strict=True)
    )


def _click(image):
    return image.truth.click


def _drawn(images, spread, seed=0):
    """Images of very different difficulty, with a gain of 0.02 that varies by `spread`."""
    rng = np.random.default_rng(seed)
    regions, before = rng.integers(1, 12, images), rng.uniform(0.1, 0.8, images)
    after = before + 0.02 + spread * rng.standard_normal(images)
    return ByImage(encoder=_images(regions, before), in_the_loop=_images(regions, after))


def test_the_gain_is_the_difference_of_the_means_over_regions():
    both = ByImage(encoder=_images([1, 3], [0.1, 0.5]), in_the_loop=_images([1, 3], [0.5, 0.4]))
    found = paired_gain(both, _click)
    assert found.gain == pytest.approx((0.5 + 3 * 0.4 - 0.1 - 3 * 0.5) / 4)
    # Two images, of which one alone may be drawn.
    assert (found.low, found.high) == (pytest.approx(-0.1), pytest.approx(0.4))
    assert paired_gain(both, lambda image: image.truth.box) == (0.0, 0.0, 0.0)


def test_the_same_gain_everywhere_leaves_no_doubt():
    """However different the images are: they are compared with themselves."""
    found = paired_gain(_drawn(64, 0.0), _click)
    assert (found.low, found.high) == (pytest.approx(0.02), pytest.approx(0.02))


def test_the_interval_is_as_wide_as_the_error_of_the_mean():
    images, spread = 400, 0.1
    found = paired_gain(_drawn(images, spread), _click)
    assert found.low < found.gain < found.high
    regions = np.random.default_rng(0).integers(1, 12, images)
    error = spread * np.sqrt((regions**2).sum()) / regions.sum()
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = [paired_gain(_drawn(64, 0.05, seed), _click) for seed in range(100)]
    assert 88 <= sum(found.low <= 0.02 <= found.high for found in held) <= 100


def test_it_says_the_same_again():
    both = _drawn(16, 0.05)
    assert paired_gain(both, _click) == paired_gain(both, _click)
