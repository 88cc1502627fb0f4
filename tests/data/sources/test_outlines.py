"""Run lengths and polygons against pycocotools, which is what their owners use."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.outlines import RunLengths, check_outline, decode_outline, outline_mask
from tests.data.sources.tiny_sets import compressed, uncompressed

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

RANDOM = st.builds(
    lambda height, width, density, seed: np.random.default_rng(seed).random((height, width)) < density,
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    density=st.floats(0, 1),
    seed=st.integers(0, 999),
)


def decoded(content, size):
    return outline_mask(decode_outline(msgspec.Raw(msgspec.json.encode(content)), "here"), size, "here")


def refusal(runs):
    try:
        check_outline(runs, (3, 4), "here")
    except DataSetError as error:
        return error
    return None


@given(mask=RANDOM)
def test_compressed_and_plain_runs_give_the_mask(mask):
    np.testing.assert_array_equal(decoded(compressed(mask), mask.shape), mask)
    np.testing.assert_array_equal(decoded(uncompressed(mask), mask.shape), mask)


@given(runs=st.lists(st.integers(0, 40_000), min_size=1, max_size=12))
def test_long_and_empty_runs_are_parsed_as_pycocotools_writes_them(runs):
    total = max(sum(runs), 1)
    runs = [*runs, total - sum(runs)]
    height = next(side for side in range(min(total, 16_384), 0, -1) if total % side == 0)
    if total // height > 16_384:
        return
    size = (height, total // height)
    code = coco_mask.frPyObjects({"size": list(size), "counts": runs}, *size)
    theirs = coco_mask.decode(code)
    ours = decoded({"size": list(size), "counts": code["counts"].decode()}, size)
    np.testing.assert_array_equal(ours, theirs.astype(bool))


@given(text=st.text(st.characters(min_codepoint=47, max_codepoint=112), max_size=30))
def test_any_text_gives_a_mask_or_an_error(text):
    runs = RunLengths(size=(3, 4), counts=text)
    if (error := refusal(runs)) is None:
        assert outline_mask(runs, (3, 4), "here").shape == (3, 4)
        return
    assert error.kind == "invalid outline"
    with pytest.raises(DataSetError, match=r"here\.counts"):
        outline_mask(runs, (3, 4), "here")


@given(cut=st.integers(0, 400), seed=st.integers(0, 99))
def test_a_code_that_was_cut_is_refused(cut, seed):
    mask = np.random.default_rng(seed).random((20, 30)) < 0.5
    code = compressed(mask)["counts"]
    shorter = code[: cut % len(code)]
    with pytest.raises(DataSetError):
        outline_mask(RunLengths(size=(20, 30), counts=shorter), (20, 30), "here")


@given(
    points=st.lists(st.tuples(st.floats(-10, 70), st.floats(-10, 50)), min_size=3, max_size=8),
    more=st.lists(st.tuples(st.floats(0, 60), st.floats(0, 40)), min_size=3, max_size=4),
)
def test_polygons_are_drawn_as_pycocotools_draws_them(points, more):
    polygons = [[side for point in part for side in point] for part in (points, more)]
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 40, 60)))
    np.testing.assert_array_equal(decoded(polygons, (40, 60)), theirs.astype(bool))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"size": [10, 10], "counts": "1" * 1000}, "1,000 numbers or characters; expected at most 204"),
        ({"size": [10, 10], "counts": [0] * 1000 + [100]}, "1,001 numbers or characters"),
        ([[0, 0, 10, 10] * 60_000], "edges of"),
        ([[0.0, 0.0] * 5_000_000], "bytes; expected at most 32,000,000"),
    ],
)
def test_what_would_take_gigabytes_is_refused_before_it_is_drawn(content, says):
    with pytest.raises(DataSetError, match=says):
        decoded(content, (10, 10))


def test_the_finest_mask_has_no_longer_code_than_is_accepted():
    rows, columns = np.indices((40, 30))
    board = (rows + columns) % 2 == 1
    for mask in (board, ~board, np.repeat(np.repeat(board, 16, 0), 17, 1)):
        np.testing.assert_array_equal(decoded(compressed(mask), mask.shape), mask)
