"""The colours of the page can be told apart, light and dark: the ratios of WCAG 2, level AA."""

from __future__ import annotations

import re

import pytest

from rapsam.web.files import PAGE

TEXT, EDGES = 4.5, 3.0
# Text or edges, and what lies behind.
PAIRS = [
    ("ink", "page", TEXT),
    ("ink", "card", TEXT),
    ("ink", "note-page", TEXT),
    ("quiet", "page", TEXT),
    ("quiet", "card", TEXT),
    ("accent", "page", TEXT),
    ("on-accent", "accent", TEXT),
    ("bad", "bad-page", TEXT),
    ("line", "page", EDGES),
    ("line", "card", EDGES),
    ("accent", "card", EDGES),
]


def colours():
    """The colours of each scheme, by their names."""
    blocks = re.findall(r":root \{(.*?)\}", (PAGE / "photo.css").read_text(), re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": dark}


def luminance(colour):
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_has_the_largest_contrast():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "behind", "least"), PAIRS)
def test_colours_can_be_told_apart(scheme, front, behind, least):
    named = colours()[scheme]
    assert contrast(named[front], named[behind]) >= least


def test_both_schemes_name_the_same_colours_and_every_one_is_asked_about():
    light, dark = colours().values()
    assert light.keys() == dark.keys() == {name for pair in PAIRS for name in pair[:2]}
