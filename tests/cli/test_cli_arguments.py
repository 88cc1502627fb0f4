"""Numbers and sizes: ASCII digits only, and a refusal that shows what was typed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.cli.arguments import decimal, image_size, numbers, whole_number
from rapsam.errors import InputError
from tests.cli.cli_runs import assert_refused, rapsam

DIGITS_OF_OTHER_SCRIPTS = ("３２", "٣٢", "३२", "²")


@pytest.mark.parametrize("digits", DIGITS_OF_OTHER_SCRIPTS)
def test_digits_of_other_scripts_are_refused(digits):
    with pytest.raises(InputError, match="expected HEIGHTxWIDTH"):
        image_size(f"{digits}x{digits}")
    with pytest.raises(InputError, match="expected x,y in pixels"):
        numbers(f"{digits},5", 2, "point")
    for read in (decimal, whole_number):
        with pytest.raises(ValueError, match=digits):
            read(digits)


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("export --model rapsam_nano --prompts ３", "--prompts: invalid int value: '３'"),
        ("export --model rapsam_nano --prompts 1_0", "--prompts: invalid int value: '1_0'"),
        ("data synth --out x --seed ٣", "--seed: invalid int value: '٣'"),
        ("predict a.jpg --min-score ０.５", "--min-score: invalid float value: '０.５'"),
        ("export --model rapsam_nano --size ３２x３２", "'３２x３２'; expected HEIGHTxWIDTH"),
    ],
)
def test_every_verb_reads_ascii_digits(verb, says):
    assert_refused(rapsam(*verb.split()), says)


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("export --model rapsam_nanoo", "unknown model 'rapsam_nanoo'; did you mean rapsam_nano"),
        ("export --model rapsam_nano --device pixle-8", "unknown device 'pixle-8'; did you mean pixel-8"),
        ("eval --model rapsam_nanoo", "unknown model 'rapsam_nanoo'; did you mean rapsam_nano"),
        ("predict --model rapsam_nanoo", "unknown model 'rapsam_nanoo'; did you mean rapsam_nano"),
        ("predict none.png --model rapsam_nanoo", "unknown model 'rapsam_nanoo'; did you mean rapsam_nano"),
        ("convert --model rapsam_nanoo", "unknown model 'rapsam_nanoo'; did you mean rapsam_nano"),
        ("lint --device pixle-8", "unknown device 'pixle-8'; did you mean pixel-8"),
        ("lint --device pixel-8 rapsam_nano", "rapsam_nano stands after --device, which takes phones"),
        ("lint --device pixel-8 out/bundle", "out/bundle stands after --device, which takes phones"),
    ],
)
def test_a_misspelt_name_is_told_before_what_is_missing(verb, says):
    assert_refused(rapsam(*verb.split()), says)


@given(st.tuples(st.integers(0, 99999), st.integers(0, 99999)))
def test_sizes(size):
    assert image_size("{}x{}".format(*size)) == size


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_coordinates_are_read_as_python_writes_them(values):
    assert numbers(", ".join(map(repr, values)), 4, "box") == tuple(values)


@given(st.text())
def test_no_text_ends_otherwise_than_in_numbers_or_a_refusal(text):
    with contextlib.suppress(InputError):
        assert len(numbers(text, 2, "point")) == 2


def test_a_refusal_is_short():
    for text in ("9" * 5000, "9" * 5000 + ",1"):
        with pytest.raises(InputError) as refused:
            numbers(text, 2, "point")
        assert len(str(refused.value)) < 200


def test_two_dashes_are_no_value(tmp_path):
    """Python's parser makes an empty list of them."""
    outcome = rapsam("data", "synth", "--out", tmp_path / "out", "--seed", "1", "--images=--")
    assert_refused(outcome, "--images is given '--'; expected a value")
