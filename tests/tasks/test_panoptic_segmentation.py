from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import panoptic_segmentation
from tests.golden_files import golden

WHOLE = ImageGeometry(padded_size=(4, 6), content_size=(4, 6), original_size=(4, 6))


def logits_of(*classes, num_classes=5, confidence=12.0):
    """Class logits of queries that are sure of these classes."""
    logits = np.zeros((len(classes), num_classes + 1), np.float32)
    logits[np.arange(len(classes)), list(classes)] = confidence
    return logits


def masks_of(*columns, strength=8.0):
    """Mask logits of 4 x 6 masks that fill these columns."""
    logits = np.full((len(columns), 4, 6), -strength, np.float32)
    for mask, part in zip(logits, columns, strict=True):
        mask[:, part] = strength
    return logits


def test_golden():
    stored = golden("postproc_synth")
    geometry = ImageGeometry(
        padded_size=stored["mask"].shape[1:],
        content_size=tuple(stored["img_shape"].tolist()),
        original_size=tuple(stored["ori_shape"].tolist()),
    )
    result = panoptic_segmentation(stored["cls"], stored["mask"], geometry, 80)
    np.testing.assert_array_equal(result.panoptic_map, stored["panoptic"])
    assert {segment.id for segment in result.segments} == set(np.unique(stored["panoptic"])) - {133}


def test_things_are_numbered_and_stuff_is_merged():
    class_logits = logits_of(4, 1, 1, 4)
    class_logits[3, 4] = 15.0
    mask_logits = masks_of(slice(0, 1), slice(1, 3), slice(3, 4), slice(4, 5))
    result = panoptic_segmentation(class_logits, mask_logits, WHOLE, num_things=3)
    np.testing.assert_array_equal(result.panoptic_map, np.tile([4, 1001, 1001, 2001, 4, 5], (4, 1)))
    assert [(found.id, found.area, found.query) for found in result.segments] == [
        (4, 8, 3),
        (1001, 8, 1),
        (2001, 4, 2),
    ]
    assert [found.is_thing for found in result.segments] == [False, True, True]


def test_the_more_certain_query_wins_and_a_covered_one_is_dropped():
    class_logits = np.concatenate([logits_of(0, confidence=4.0), logits_of(1, confidence=12.0)])
    mask_logits = masks_of(slice(0, 4), slice(0, 4))
    result = panoptic_segmentation(class_logits, mask_logits, WHOLE, num_things=3)
    assert [found.query for found in result.segments] == [1]


def test_overlap_threshold():
    class_logits = np.concatenate([logits_of(0, confidence=4.0), logits_of(1, confidence=12.0)])
    mask_logits = masks_of(slice(0, 4), slice(3, 6))
    strict = panoptic_segmentation(class_logits, mask_logits, WHOLE, 3, overlap_threshold=0.8)
    loose = panoptic_segmentation(class_logits, mask_logits, WHOLE, 3, overlap_threshold=0.7)
    assert [found.query for found in strict.segments] == [1]
    assert [found.query for found in loose.segments] == [0, 1]


def test_score_threshold_and_void():
    unsure = logits_of(0, confidence=2.0)
    void = logits_of(5)
    for class_logits in (unsure, void):
        result = panoptic_segmentation(class_logits, masks_of(slice(0, 6)), WHOLE, 3)
        assert result.segments == ()
        assert (result.panoptic_map == 5).all()
    assert panoptic_segmentation(unsure, masks_of(slice(0, 6)), WHOLE, 3, score_threshold=0.3).segments


def test_extreme_logits_give_no_warning(recwarn):
    result = panoptic_segmentation(
        logits_of(0, confidence=800.0), masks_of(slice(0, 3), strength=3e4), WHOLE, 3
    )
    assert result.segments[0].area == 12
    assert not recwarn.list


@given(
    seed=st.integers(0, 10_000),
    original=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    num_things=st.integers(0, 6),
    thresholds=st.tuples(st.floats(0, 0.9), st.floats(0, 1)),
)
def test_map_and_segments_agree(seed, original, num_things, thresholds):
    rng = np.random.default_rng(seed)
    class_logits = rng.normal(0, 4, (9, 7)).astype(np.float32)
    mask_logits = rng.normal(0, 4, (9, 8, 8)).astype(np.float32)
    geometry = ImageGeometry(padded_size=(32, 32), content_size=(32, 20), original_size=original)
    result = panoptic_segmentation(
        class_logits,
        mask_logits,
        geometry,
        num_things,
        score_threshold=thresholds[0],
        overlap_threshold=thresholds[1],
    )
    assert result.panoptic_map.shape == original
    assert result.panoptic_map.dtype == np.int32
    values, areas = np.unique(result.panoptic_map, return_counts=True)
    assert {found.id: found.area for found in result.segments} == {
        int(value): int(area) for value, area in zip(values, areas, strict=True) if value != result.void
    }
    instances = [found.id // 1000 for found in result.segments if found.is_thing]
    assert len(set(instances)) == len(instances)
    for found in result.segments:
        assert found.id % 1000 == found.class_index < result.void
        assert found.is_thing == (found.class_index < num_things) == (found.id >= 1000)
        assert thresholds[0] < found.score <= 1


@pytest.mark.parametrize(
    ("class_shape", "mask_shape", "num_things", "named"),
    [
        ((3, 6), (2, 4, 6), 3, r"\[2, 4, 6\]"),
        ((3, 6), (3, 4), 3, r"\[3, 4\]"),
        ((3, 6), (3, 0, 6), 3, r"\[3, 0, 6\]"),
        ((3,), (3, 4, 6), 3, r"\[3\]"),
        ((3, 1), (3, 4, 6), 0, r"\[3, 1\]"),
        ((3, 6), (3, 4, 6), 6, "6 thing classes"),
        ((3, 6), (3, 4, 6), -1, "-1 thing classes"),
        ((1, 1001), (1, 4, 6), 1, r"\[1, 1001\]"),
    ],
)
def test_logits_that_do_not_fit_are_refused(class_shape, mask_shape, num_things, named):
    with pytest.raises(InputError, match=named):
        panoptic_segmentation(
            np.zeros(class_shape, np.float32), np.zeros(mask_shape, np.float32), WHOLE, num_things
        )


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("which", ["class", "mask"])
def test_logits_that_are_not_finite_are_refused(value, which):
    class_logits, mask_logits = logits_of(0), masks_of(slice(0, 3))
    (class_logits if which == "class" else mask_logits)[0, 0] = value
    with pytest.raises(InputError, match=f"{which} logits hold .* NaN or infinite"):
        panoptic_segmentation(class_logits, mask_logits, WHOLE, 3)
