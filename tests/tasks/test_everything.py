"""Everything in an image: what is asked, and what stays of the answers."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.errors import InputError
from rapsam.tasks.everything import (
    EverythingSpec,
    Region,
    crop_boxes,
    good_regions,
    point_passes,
    without_coarser,
    without_copies,
)
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.run_mask import RunMask

SPEC = EverythingSpec()
SIZE = (64, 64)
WHOLE = (0, 0, 64, 64)
GEOMETRY = ImageGeometry(padded_size=SIZE, content_size=SIZE, original_size=SIZE)


def region(box, iou=0.9, crop=WHOLE):
    mask = np.zeros(SIZE, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return Region(RunMask.of(mask), iou, 1.0, (0.0, 0.0), crop)


def disc(y, x, radius, steep=20.0):
    down, across = np.mgrid[:16, :16] * 4 + 1.5
    return (steep * (radius - np.hypot(down - y, across - x))).astype(np.float32)


def test_the_grid_covers_the_image_evenly():
    passes = list(point_passes((100, 200), EverythingSpec(points_per_side=4, points_per_pass=6)))
    assert [len(points) for points in passes] == [6, 6, 4]
    points = np.array([point for points in passes for point in points])
    assert points[:5].tolist() == [[25, 12.5], [75, 12.5], [125, 12.5], [175, 12.5], [25, 37.5]]
    np.testing.assert_allclose(points.mean(axis=0), [100, 50])
    assert sum(len(points) for points in point_passes((9, 9), SPEC)) == 1024


@pytest.mark.parametrize("size", [(600, 900), (333, 500), (1500, 2250)])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_crops_cover_the_image_and_overlap(size, layers):
    whole, *crops = crop_boxes(size, EverythingSpec(crop_layers=layers))
    assert whole == (0, 0, size[1], size[0])
    assert len(crops) == sum(4**layer for layer in range(1, layers + 1))
    seen = np.zeros(size, np.int64)
    for x1, y1, x2, y2 in crops[-(4**layers) :]:
        assert 0 <= x1 < x2 <= size[1]
        assert 0 <= y1 < y2 <= size[0]
        seen[y1:y2, x1:x2] += 1
    assert seen.min() >= 1
    assert seen.max() > 1


def test_crops_of_few_pixels_are_never_empty():
    for x1, y1, x2, y2 in crop_boxes((7, 5), EverythingSpec(crop_layers=3)):
        assert 0 <= x1 < x2 <= 5
        assert 0 <= y1 < y2 <= 7


def test_the_first_layer_overlaps_by_a_third_of_the_short_side():
    crops = crop_boxes((1500, 2250), EverythingSpec(crop_layers=1))[1:]
    assert crops == ((0, 0, 1381, 1006), (0, 494, 1381, 1500), (869, 0, 2250, 1006), (869, 494, 2250, 1500))


def test_only_good_masks_stay():
    logits = np.stack([disc(30, 30, 12), disc(30, 30, 12, steep=0.3), disc(30, 30, 12), disc(30, 30, -9)])
    iou = np.array([[0.9, 0.99, 0.88, 0.95]], np.float32)
    found = list(good_regions(logits[None], iou, [(30.0, 30.0)], GEOMETRY, WHOLE, SIZE, SPEC))
    assert [each.predicted_iou for each in found] == [pytest.approx(0.9)]
    assert found[0].stability > 0.95
    assert (found[0].point, found[0].crop) == ((30, 30), WHOLE)
    assert found[0].mask.area == pytest.approx(np.pi * 12**2, rel=0.1)


def test_nothing_stable_is_nothing():
    soft = disc(30, 30, 12, steep=0.3)[None, None]
    iou = np.full((1, 1), 0.95, np.float32)
    assert list(good_regions(soft, iou, [(30.0, 30.0)], GEOMETRY, WHOLE, SIZE, SPEC)) == []


def test_what_is_not_a_number_is_no_empty_image():
    broken = np.full((1, 1, 16, 16), np.nan, np.float32)
    iou = np.full((1, 1), 0.95, np.float32)
    with pytest.raises(InputError, match="mask logits hold 256 NaN"):
        list(good_regions(broken, iou, [(3.0, 3.0)], GEOMETRY, WHOLE, SIZE, SPEC))
    with pytest.raises(InputError, match="predicted IoUs hold 1 NaN"):
        list(good_regions(np.zeros_like(broken), iou * np.nan, [(3.0, 3.0)], GEOMETRY, WHOLE, SIZE, SPEC))


def test_masks_that_a_crop_cuts_off_are_left_to_others():
    crop, size = (64, 0, 128, 64), (64, 128)
    logits = np.stack([disc(30, 10, 9), disc(30, 40, 8), disc(30, 55, 8)])[:, None]
    points = [(10.0, 30.0), (40.0, 30.0), (55.0, 30.0)]
    iou = np.full((3, 1), 0.95, np.float32)
    found = list(good_regions(logits, iou, points, GEOMETRY, crop, size, SPEC))
    assert [each.point for each in found] == [(104, 30), (119, 30)]
    x1, _, x2, _ = found[0].mask.box
    assert (x1 + x2) / 2 == pytest.approx(104, abs=1)
    assert found[0].mask.mask().shape == size


def test_copies_give_way_to_what_the_network_thinks_better_of():
    regions = [
        region((10, 10, 30, 30), 0.90),
        region((10, 10, 30, 31), 0.95),
        region((40, 40, 60, 60), 0.91),
        region((12, 10, 32, 30), 0.89),
        region((10, 10, 30, 20), 0.88),
    ]
    assert [each.predicted_iou for each in without_copies(regions, SPEC)] == [0.95, 0.91, 0.88]
    assert without_copies([], SPEC) == []


def test_a_copy_of_a_copy_that_gave_way_stays():
    """Boxes in a row, each a copy of the next alone: the first and the third are no copies."""
    row = [region((start, 0, start + 20, 10), iou) for start, iou in ((0, 0.9), (3, 0.8), (6, 0.7))]
    assert [each.predicted_iou for each in without_copies(row, SPEC)] == [0.9, 0.7]


def test_smaller_crops_saw_better():
    coarse, fine = region((10, 10, 30, 30), 0.99), region((10, 10, 30, 29), 0.9, (0, 0, 40, 40))
    assert without_coarser([coarse, fine], SPEC) == [fine]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"points_per_side": 0}, "points per side: 0; expected 1 to 128"),
        ({"points_per_side": 10_000}, "points per side: 10000"),
        ({"min_iou": 1.5}, "predicted IoU: 1.5; expected 0 to 1"),
        ({"min_stability": float("nan")}, "stability score: nan"),
        ({"crop_layers": 4}, "layers of crops: 4; expected 0 to 3"),
    ],
)
def test_what_would_find_nothing_or_never_end_is_refused(changes, says):
    with pytest.raises(InputError, match=says):
        EverythingSpec(**changes)
