"""COCO instances: what is read, and every way in which the file can be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.kinds import open_source
from tests.data.sources.tiny_sets import (
    INSTANCE_MASKS,
    SIZE,
    compressed,
    edit_json,
    refusal,
    write_coco_instances,
    write_photo,
)

JSON = "annotations/instances_val2017.json"


@pytest.fixture
def root(tmp_path):
    write_coco_instances(tmp_path)
    return tmp_path


def refused(root, change):
    """Changes the annotation file and reads the first image; gives the error."""
    edit_json(root / JSON, change)
    return refusal(open_source("coco_instances", root, "val"))


def test_polygons_crowds_and_run_lengths_are_read(root):
    pixels = write_coco_instances(root)
    source = open_source("coco_instances", root, "val")
    assert (source.name, len(source), source.num_frames(1)) == ("coco_instances val", 2, 1)
    assert [(label.name, label.is_thing) for label in source.label_set.labels] == [
        ("person", True),
        ("orange fruit", True),
    ]
    clip = source.read(0)
    assert (clip.name, clip.key) == ("000000000139.jpg", 139)
    np.testing.assert_array_equal(clip.frames, pixels[:1])
    np.testing.assert_array_equal(clip.masks[:, 0], INSTANCE_MASKS)
    assert clip.classes.tolist() == [0, 1, 0]
    assert clip.crowd.tolist() == [False, True, False]
    assert clip.ids.tolist() == [900100000000, 900100000001, 900100000002]


def test_an_image_without_objects_is_a_clip_of_none(root):
    pixels = write_coco_instances(root)
    clip = open_source("coco_instances", root, "val").read(1)
    assert clip.masks.shape == (0, 1, *SIZE)
    np.testing.assert_array_equal(clip.frames, pixels[1:])


def test_a_file_without_annotations_is_legal(root):
    edit_json(root / JSON, lambda content: content["annotations"].clear())
    source = open_source("coco_instances", root, "val")
    assert [len(source.read(index).ids) for index in range(2)] == [0, 0]


def test_parts_of_an_object_are_united(root):
    parts = [[0, 0, 4, 0, 4, 4, 0, 4], [10, 10, 12, 10, 12, 14, 10, 14]]
    edit_json(root / JSON, lambda content: content["annotations"][0].update(segmentation=parts))
    mask = open_source("coco_instances", root, "val").read(0).masks[0, 0]
    assert mask[:4, :4].all()
    assert mask[10:14, 10:12].all()
    assert mask.sum() == 16 + 8


def test_a_polygon_between_the_pixels_has_none(root):
    small = [[5.1, 5.1, 5.2, 5.1, 5.2, 5.2]]
    edit_json(root / JSON, lambda content: content["annotations"][0].update(segmentation=small))
    clip = open_source("coco_instances", root, "val").read(0)
    assert clip.masks.shape == (3, 1, *SIZE)
    assert not clip.masks[0].any()


def test_points_a_little_outside_are_cut_off(root):
    wide = [[-3, 4, 40, 4, 40, 12, -3, 12]]
    edit_json(root / JSON, lambda content: content["annotations"][0].update(segmentation=wide))
    mask = open_source("coco_instances", root, "val").read(0).masks[0, 0]
    assert mask[4:12].all()
    assert mask.sum() == 8 * 32


@pytest.mark.parametrize(
    ("outline", "says"),
    [
        ([], r"segmentation is empty; expected at least one polygon"),
        ([[]], r"segmentation[0] has 0 numbers; expected pairs"),
        ([[1, 2, 3, 4]], r"segmentation[0] has 4 numbers"),
        ([[1, 2, 3, 4, 5, 6, 7]], r"segmentation[0] has 7 numbers"),
        ([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 1e12, 6]], r"segmentation[1] reaches from 1 to 1e+12; expected"),
        ([[1, 2, 3, -1e300, 5, 6]], r"segmentation[0] reaches from -1e+300"),
        ([[1, 2, "x"]], r"segmentation: Expected `float`, got `str` - at `$[0][2]`"),
        (7, r"segmentation: Expected `object | array`, got `int`"),
        (None, r"segmentation: Expected `object | array`, got `null`"),
        ({"size": [24, 32]}, r"segmentation: Object missing required field `counts`"),
        ({"size": [24, 32], "counts": [768, -1]}, r"segmentation: Expected `int` >= 0 - at `$.counts[1]`"),
        ({"size": [24, 32], "counts": [767]}, r"segmentation.counts covers 767 px; expected 768"),
        ({"size": [24, 32], "counts": []}, r"segmentation.counts covers 0 px; expected 768"),
        ({"size": [24, 32], "counts": [700, 10, 60]}, r"segmentation.counts covers 770 px; expected 768"),
        ({"size": [24, 32], "counts": "32"}, r"segmentation.counts covers 5 px; expected 768"),
        ({"size": [24, 32], "counts": "é"}, r"segmentation.counts is not COCO's code of run lengths"),
        ({"size": [24, 32], "counts": "32o"}, r"segmentation.counts is not COCO's code of run lengths"),
        ({"size": [24, 32], "counts": "o" * 40 + "1"}, r"segmentation.counts is not COCO's code"),
    ],
)
def test_outlines_that_are_none(root, outline, says):
    error = refused(root, lambda content: content["annotations"][0].update(segmentation=outline))
    assert error.kind == "invalid outline"
    assert f"{JSON}: annotations[0].{says}" in str(error)


def test_run_lengths_of_another_size(root):
    turned = compressed(INSTANCE_MASKS[0].T)
    error = refused(root, lambda content: content["annotations"][2].update(segmentation=turned))
    assert error.kind == "wrong size"
    assert "annotations[2].segmentation.size is [32, 24]; expected [24, 32]" in str(error)


def test_a_category_that_is_not_listed(root):
    error = refused(root, lambda content: content["annotations"][1].update(category_id=187))
    assert error.kind == "unknown category"
    assert f"{JSON}: annotations[1].category_id is 187; expected one of the 2 ids" in str(error)


def test_repeated_ids(root):
    error = refused(root, lambda content: content["annotations"][1].update(id=900100000000))
    assert (error.kind, "annotations[0].id 900100000000" in str(error)) == ("repeated id", True)
    error = refused(root, lambda content: content["images"][1].update(id=139))
    assert (error.kind, "images[0].id 139" in str(error)) == ("repeated id", True)


def test_one_bad_image_leaves_the_others(root):
    refused(root, lambda content: content["annotations"][1].update(category_id=0))
    assert open_source("coco_instances", root, "val").read(1).key == 285


def test_objects_of_images_that_are_not_listed_are_told_apart(root):
    edit_json(root / JSON, lambda content: content["annotations"][2].update(image_id=4))
    source = open_source("coco_instances", root, "val")
    assert len(source.read(0).ids) == 2
    (stray,) = source.strays()
    assert f"{JSON}: annotations[2].image_id is 4" in str(stray)


def test_the_photograph_must_have_the_stated_size(root):
    write_photo(root / "val2017/000000000139.jpg", 0, (30, 40))
    with pytest.raises(DataSetError, match="40x30 stored px; expected width 32 and height 24"):
        open_source("coco_instances", root, "val").read(0)


def test_masks_that_would_fill_the_memory_are_refused(root):
    one = {"segmentation": {"size": [4000, 4000], "counts": [16_000_000]}, "image_id": 139, "category_id": 1}

    def change(content):
        content["images"][0].update(width=4000, height=4000)
        content["annotations"] = [{**one, "id": place} for place in range(300)]

    edit_json(root / JSON, change)
    write_photo(root / "val2017/000000000139.jpg", 0, (4000, 4000))
    with pytest.raises(DataSetError, match=r"images\[0\]: 300 masks of 1 frames of 4000x4000 px"):
        open_source("coco_instances", root, "val").read(0)


def test_a_byte_that_is_no_text_leaves_the_other_images(root):
    path = root / JSON
    raw = path.read_bytes()
    place = raw.index(b'"counts": "') + len(b'"counts": "')
    path.write_bytes(raw[:place] + b"\xff" + raw[place + 1 :])
    source = open_source("coco_instances", root, "val")
    faults = []
    for index in range(len(source)):
        try:
            faults += map(str, source.read(index).faults)
        except DataSetError as error:
            faults.append(str(error))
    assert len(faults) == 1
    assert "utf-8" in faults[0]
