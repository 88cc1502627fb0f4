"""Surfaces of things: two colours, in proportions that tell them apart, as large as the picture asks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from rapsam.data.synth.noise import generator
from rapsam.data.synth.patterns import PATTERNS, Pattern, any_pattern, second_share
from rapsam.data.synth.shapes import SHAPES

PIXELS = 160
V, U = np.mgrid[:PIXELS, :PIXELS].astype(np.float32) / PIXELS - np.float32(0.5)


def drawn(kind: str, angle: float = 0.3, frequency: float = 10.0) -> np.ndarray:
    return second_share(Pattern(kind, frequency, angle, 0.2), U, V, 1 / PIXELS)


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_pattern_has_both_colours_and_soft_edges(kind):
    share = drawn(kind)
    assert share.shape == (PIXELS, PIXELS)
    assert share.dtype == np.float32
    assert 0 <= share.min() <= share.max() <= 1
    if kind != "plain":
        assert 0.2 < share.mean() < 0.8
        assert share.max() > 0.95
        assert share.min() < 0.05
        assert 0.01 < ((share > 0.02) & (share < 0.98)).mean() < 0.6


def test_no_two_patterns_are_alike():
    """The power of their frequencies differs, wherever they begin."""
    spectra = {kind: np.abs(np.fft.rfft2(drawn(kind) - 0.5)).ravel() for kind in PATTERNS}
    kinds = list(spectra)
    for place, one in enumerate(kinds):
        for other in kinds[:place]:
            first, second = spectra[one], spectra[other]
            alike = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
            assert alike < 0.98, (one, other, alike)


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_pattern_turns_with_its_angle(kind):
    quarter = drawn(kind, angle=0.3 + np.pi / 2)
    # By a quarter turn only its place differs: the proportions of the colours stay.
    assert quarter.mean() == pytest.approx(drawn(kind).mean(), abs=0.06)


def test_each_class_mostly_has_a_surface_of_its_own():
    assert len({shape.pattern for shape in SHAPES.values()}) == len(SHAPES)
    for name, shape in SHAPES.items():
        rng = generator(1, len(name))
        kinds = Counter(any_pattern(rng, shape.pattern, 60.0, 1.0).kind for _ in range(400))
        assert 0.72 < kinds[shape.pattern] / 400 < 0.9
        assert len(kinds) > 8


def test_patterns_grow_with_the_picture_and_not_with_the_thing():
    def period(side: float, unit: float) -> float:
        rng = generator(7)
        return side / any_pattern(rng, "dots", side, unit).frequency

    assert period(200.0, 1.0) == pytest.approx(period(100.0, 1.0))
    assert period(200.0, 2.0) == pytest.approx(2 * period(200.0, 1.0))
    # Small things have some periods at least.
    assert period(15.0, 1.0) == pytest.approx(15 / 2.5)
