"""Constructed collapses must be caught, whatever the tensors look like; small differences must not."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.export.backends.recipes import FP16_GATES
from rapsam.export.parity.histograms import compare_histograms, histograms, total_variation
from rapsam.export.parity.tasks import TaskContext
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.video import Clip

CONTEXT = TaskContext(
    runtime="test",
    provenance="measured",
    case="case",
    geometry=ImageGeometry(padded_size=(64, 64), content_size=(64, 64), original_size=(64, 64)),
    num_things=2,
    postprocess=PostprocessSpec(score_threshold=0.4, overlap_threshold=0.25),
    gates=FP16_GATES,
)


def varied():
    """Twelve queries of four classes and void, rectangles of many sizes."""
    class_logits = np.zeros((12, 5), np.float32)
    class_logits[np.arange(12), [0, 1, 2, 3, 4, 0, 1, 0, 2, 0, 1, 4]] = 6
    mask_logits = np.full((12, 1, 16, 16), -6, np.float32)
    for query in range(12):
        mask_logits[query, 0, query : query + 1 + query // 2, : 2 + query] = 6
    return Clip(class_logits, np.eye(12, dtype=np.float32), mask_logits)


def verdicts(result, reference, rounded=()):
    return {row.histogram: row.status for row in compare_histograms(result, reference, CONTEXT, rounded)}


def test_equal_distributions_do_not_move():
    rows = compare_histograms(varied(), varied(), CONTEXT)
    assert [(row.shift, row.status) for row in rows] == [(0.0, "passed")] * 3


def test_one_class_everywhere_is_a_collapse_even_where_the_cosine_is_fine():
    """A constant that all class logits share hides the difference from cosine and SQNR."""
    reference, result = varied(), varied()
    for each in (reference, result):
        each.class_logits[:] += 500
    result.class_logits[:, 3] += 7
    assert compare_tensors(result.class_logits, reference.class_logits).cosine > 0.9999
    assert verdicts(result, reference) == {
        "query classes": "failed",
        "pixel classes": "failed",
        "mask areas": "passed",
    }


def test_tiny_masks_are_a_collapse():
    result = varied()
    result.mask_logits[:] = -6
    result.mask_logits[:, 0, 0, 0] = 6
    assert verdicts(result, varied())["mask areas"] == "failed"
    assert verdicts(result, varied())["query classes"] == "passed"


def test_masks_that_fill_the_image_are_a_collapse():
    result = varied()
    result.mask_logits[:] = 6
    assert verdicts(result, varied())["mask areas"] == "failed"


def test_permuted_classes_are_seen():
    result = varied()
    result.class_logits[:] = result.class_logits[:, [3, 2, 0, 1, 4]]
    found = verdicts(result, varied())
    assert "failed" in (found["query classes"], found["pixel classes"])


def test_one_query_of_twelve_is_no_collapse():
    result = varied()
    result.class_logits[0] = result.class_logits[1]
    assert "failed" not in verdicts(result, varied()).values()


def test_a_shift_that_rounding_explains_is_benign_and_a_larger_one_is_not():
    reference, rounded, result = varied(), varied(), varied()
    rounded.class_logits[:5] = rounded.class_logits[3]
    assert verdicts(rounded, reference)["query classes"] == "failed"
    assert verdicts(rounded, reference, [rounded])["query classes"] == "benign"
    result.class_logits[:] = result.class_logits[3]
    assert verdicts(result, reference, [rounded])["query classes"] == "failed"


def test_every_histogram_sums_to_one():
    assert all(shares.sum() == pytest.approx(1) for shares in histograms(varied(), CONTEXT.geometry).values())


def test_areas_fall_into_bins_of_factors_of_four():
    """Empty, one pixel of 256, a quarter, just over a quarter, all."""
    clip = varied()
    clip = Clip(clip.class_logits[:5], clip.queries[:5], np.full((5, 1, 16, 16), -1, np.float32))
    clip.mask_logits[1, 0, 0, 0] = 1
    clip.mask_logits[2, 0, :4] = 1
    clip.mask_logits[3, 0, :5] = 1
    clip.mask_logits[4] = 1
    shares = histograms(clip, CONTEXT.geometry)["mask areas"] * 5
    assert shares.tolist() == [1, 0, 0, 0, 1, 0, 0, 3]


def test_total_variation_of_a_hand_worked_case():
    assert total_variation(np.array([0.5, 0.5, 0]), np.array([0.25, 0.25, 0.5])) == 0.5


def test_nan_is_left_to_the_other_rows():
    result = varied()
    result.mask_logits[0] = np.nan
    assert compare_histograms(result, varied(), CONTEXT) == []
