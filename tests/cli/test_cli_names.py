"""The nearest valid names, in the order in which a reader expects them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import unknown_name

PHONES = [
    "generic-android",
    "generic-ios",
    "iphone-15-pro",
    "iphone-16",
    "pixel-7",
    "pixel-8",
    "pixel-9",
    "galaxy-a54",
    "galaxy-s23",
    "galaxy-s24",
]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("iphone-15", "did you mean iphone-15-pro"),
        ("iPhone-15-Pro", "did you mean iphone-15-pro"),
        ("pixel", "did you mean pixel-7, pixel-8 or pixel-9?"),
        ("android", "did you mean generic-android?"),
        ("galaxy", "did you mean galaxy-a54, galaxy-s23 or galaxy-s24?"),
        ("s23", "did you mean galaxy-s23?"),
        ("pixle-8", "did you mean pixel-8"),
        ("", "valid names: galaxy-a54, galaxy-s23, "),
        ("nokia", "valid names: galaxy-a54, galaxy-s23, "),
    ],
)
def test_nearest_names(typed, hint):
    assert f"unknown device {typed!r}; {hint}" in str(unknown_name("device", typed, PHONES))


@given(st.text(min_size=1), st.lists(st.text("abc-1", min_size=1), min_size=1, unique=True))
def test_what_begins_as_typed_comes_first(typed, valid):
    name = typed + "-pro"
    message = str(unknown_name("thing", typed, [*valid, name]))
    starting = sorted(other for other in {*valid, name} if other.lower().startswith(typed.lower()))
    assert message.endswith("?")
    assert message.partition("did you mean ")[2].startswith(starting[0])


@given(st.text(), st.lists(st.text("abc", min_size=1), min_size=1, unique=True))
def test_only_valid_names_are_suggested(typed, valid):
    hint = str(unknown_name("thing", typed, valid)).removeprefix(f"unknown thing {typed!r}; ")
    listed = hint.removeprefix("valid names: ").removeprefix("did you mean ").removesuffix("?")
    assert set(listed.replace(" or ", ", ").split(", ")) <= set(valid)
