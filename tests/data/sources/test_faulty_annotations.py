"""A faulty annotation is left out and told, its image stays; JSON that other tools take is read."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from rapsam.data.sources.check import check_below
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.json_repair import repaired_json
from rapsam.data.sources.kinds import open_annotated, open_source
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import (
    BIG_ID,
    INSTANCE_MASKS,
    PANOPTIC_IDS,
    TRACK_MASKS,
    edit_json,
    write_coco_instances,
    write_coco_panoptic,
    write_vipseg,
    write_youtube_vis,
)

PANOPTIC, INSTANCES = "annotations/panoptic_val2017.json", "annotations/instances_val2017.json"


def test_objects_beside_a_faulty_outline_stay(tmp_path):
    write_coco_instances(tmp_path)
    edit_json(tmp_path / INSTANCES, lambda content: content["annotations"][1].update(segmentation=[[1, 2]]))
    clip = open_source("coco_instances", tmp_path, "val").read(0)
    np.testing.assert_array_equal(clip.masks[:, 0], INSTANCE_MASKS[[0, 2]])
    (fault,) = clip.faults
    assert "annotations[1].segmentation[0] has 2 numbers" in str(fault)


def test_segments_beside_one_of_an_unknown_category_stay(tmp_path):
    write_coco_panoptic(tmp_path)
    edit_json(
        tmp_path / PANOPTIC,
        lambda content: content["annotations"][1]["segments_info"][2].update(category_id=999),
    )
    clip = open_source("coco_panoptic", tmp_path, "val").read(0)
    assert clip.ids.tolist() == [5_000, BIG_ID]
    assert not clip.masks[:, 0, PANOPTIC_IDS[0] == 7].any()  # void
    assert [fault.kind for fault in clip.faults] == ["unknown category"]


def test_segments_beside_pixels_of_no_segment_stay(tmp_path):
    write_coco_panoptic(tmp_path)
    edit_json(tmp_path / PANOPTIC, lambda content: content["annotations"][1]["segments_info"].pop())
    clip = open_source("coco_panoptic", tmp_path, "val").read(0)
    assert clip.ids.tolist() == [5_000, BIG_ID]
    assert [fault.kind for fault in clip.faults] == ["pixels of no segment"]


def test_tracks_beside_a_faulty_one_stay(tmp_path):
    write_youtube_vis(tmp_path)
    edit_json(
        tmp_path / "train.json", lambda content: content["annotations"][0]["segmentations"].__setitem__(1, 7)
    )
    clip = open_source("youtube_vis_2019", tmp_path, "train").read(0)
    np.testing.assert_array_equal(clip.masks, TRACK_MASKS[1:])
    assert len(clip.faults) == 1


def test_an_object_that_contradicts_itself_is_left_out_of_all_frames(tmp_path):
    write_vipseg(tmp_path)

    def change(content):
        content["annotations"][0]["annotations"][1]["segments_info"][0]["category_id"] = 58

    edit_json(tmp_path / "panoptic_gt_VIPSeg_val.json", change)
    clip = open_source("vipseg", tmp_path, "val").read(0)
    assert len(clip.ids) == 2
    assert [fault.kind for fault in clip.faults] == ["repeated id"]


def test_check_counts_each_annotation_once(tmp_path):
    write_coco_panoptic(tmp_path)

    def change(content):
        content["annotations"][1]["segments_info"][2].update(category_id=999)
        content["annotations"][1]["segments_info"].pop(0)

    edit_json(tmp_path / PANOPTIC, change)
    (report,) = check_below(tmp_path, full=True, progress=lambda _: None)
    counts = {fault.kind: fault.count for fault in report.broken}
    assert counts == {"unknown category": 1, "pixels of no segment": 1}
    assert report.decoded == 3


@pytest.mark.parametrize(
    ("kind", "split", "write", "file", "owner"),
    [
        ("coco_instances", "val", write_coco_instances, INSTANCES, "image_id"),
        ("coco_panoptic", "val", write_coco_panoptic, PANOPTIC, "image_id"),
        ("youtube_vis_2019", "train", write_youtube_vis, "train.json", "video_id"),
    ],
)
def test_texts_for_numbers_own_nothing(tmp_path, kind, split, write, file, owner):
    write(tmp_path)

    def change(content):
        for annotation in content["annotations"]:
            annotation[owner] = str(annotation[owner])

    edit_json(tmp_path / file, change)
    with pytest.raises(InputError, match=rf"no annotation belongs to .* annotations\[0\]\.{owner} is '"):
        open_annotated(kind, tmp_path, split)


def test_json_of_other_tools_is_read(tmp_path):
    write_coco_instances(tmp_path)

    def change(content):
        first, second, third = content["annotations"]
        first.update(iscrowd=False, id=1.0, image_id=139.0, area=float("nan"), note='NaN, "id": 1.0')
        second.update(iscrowd=True, category_id=55.0, bbox=[float("inf"), -float("inf"), 0, 0])
        third.update(segmentation=[[float("nan"), 2, 3, 4, 5, 6]])
        content["images"][0].update(id=139.0, height=24.0, width=32.0)

    edit_json(tmp_path / INSTANCES, change)
    clip = open_annotated("coco_instances", tmp_path, "val").read(0)
    np.testing.assert_array_equal(clip.masks[:, 0], INSTANCE_MASKS[:2])
    assert (clip.crowd.tolist(), clip.key) == ([False, True], 139)
    assert ["segmentation: " in str(fault) for fault in clip.faults] == [True]


def test_categories_may_share_a_name_and_it_is_told(tmp_path):
    write_coco_panoptic(tmp_path)
    edit_json(tmp_path / PANOPTIC, lambda content: content["categories"][2].update(name="person"))
    labels = open_source("coco_panoptic", tmp_path, "val").label_set.labels
    assert [(label.name, label.category_id) for label in labels][:2] == [("person", 1), ("person", 55)]
    (report,) = check_below(tmp_path, full=False, progress=lambda _: None)
    assert report.is_well
    assert report.notes == ["'person' is the name of categories 1 and 55"]


MISSING = object()
FAULTY_FIELDS = [
    {"id": 10**400},
    {"id": 2**64},
    {"id": 1.5},
    {"id": None},
    {"category_id": 2**64},
    {"category_id": None},
    {"category_id": MISSING},
    {"iscrowd": 2},
    {"iscrowd": "yes"},
]
SETS = [
    ("coco_instances", "val", write_coco_instances, INSTANCES, ("annotations", 0)),
    ("coco_panoptic", "val", write_coco_panoptic, PANOPTIC, ("annotations", 1, "segments_info", 2)),
    ("youtube_vis_2019", "train", write_youtube_vis, "train.json", ("annotations", 0)),
    (
        *("vipseg", "val", write_vipseg, "panoptic_gt_VIPSeg_val.json"),
        ("annotations", 0, "annotations", 0, "segments_info", 1),
    ),
]


def changed(route, change):
    """Makes an edit that changes fields of the entry to which a route of names and places leads."""

    def edit(content):
        *before, last = route
        for step in before:
            content = content[step]
        if not isinstance(change, dict):
            content[last] = change
            return
        content[last].update({name: value for name, value in change.items() if value is not MISSING})
        for name in (name for name, value in change.items() if value is MISSING):
            del content[last][name]

    return edit


@pytest.mark.parametrize("change", [*FAULTY_FIELDS, None, 7, []])
@pytest.mark.parametrize(("kind", "split", "write", "file", "route"), SETS)
def test_an_entry_that_cannot_be_decoded_is_left_out_alone(tmp_path, kind, split, write, file, route, change):
    write(tmp_path)
    whole = open_source(kind, tmp_path, split).read(0)
    edit_json(tmp_path / file, changed(route, change))
    source = open_annotated(kind, tmp_path, split)
    clip = source.read(0)
    faults = [*clip.faults, *source.strays()]
    (fault,) = [fault for fault in faults if fault.kind == "invalid entry"]
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in route)
    assert str(fault).startswith(f"{tmp_path / file}: {field[1:]}: ")
    assert len(clip.ids) == len(whole.ids) - 1
    kept = [place for place, value in enumerate(whole.ids) if value in clip.ids]
    np.testing.assert_array_equal(clip.masks, whole.masks[kept])
    assert {fault.kind for fault in faults} <= {"invalid entry", "pixels of no segment"}
    (report,) = check_below(tmp_path, full=True, progress=lambda _: None)
    assert {fault.kind: fault.count for fault in report.broken}["invalid entry"] == 1


@pytest.mark.parametrize(("kind", "split", "write", "file", "route"), SETS)
def test_iscrowd_of_null_is_no_crowd(tmp_path, kind, split, write, file, route):
    write(tmp_path)
    whole = open_source(kind, tmp_path, split).read(0)
    edit_json(tmp_path / file, changed(route, {"iscrowd": None}))
    clip = open_source(kind, tmp_path, split).read(0)
    assert (clip.crowd.tolist(), clip.faults) == (whole.crowd.tolist(), ())


def test_an_annotation_of_no_known_owner_is_a_stray(tmp_path):
    write_coco_instances(tmp_path)
    edit_json(tmp_path / INSTANCES, changed(("annotations", 0), {"image_id": None}))
    source = open_annotated("coco_instances", tmp_path, "val")
    (stray,) = source.strays()
    assert "annotations[0]: Expected `int | str`, got `null` - at `$.image_id`" in str(stray)
    assert len(source.read(0).ids) == 2


@pytest.mark.parametrize("route", [("annotations",), ("images", 0), ("categories", 0)])
def test_a_file_that_is_unusable_as_a_whole_is_refused(tmp_path, route):
    write_coco_instances(tmp_path)
    edit_json(tmp_path / INSTANCES, changed(route, None))
    with pytest.raises(
        InputError, match=rf"instances_val2017\.json: Expected .*{route[0]}.*; mend that field"
    ):
        open_source("coco_instances", tmp_path, "val")


def test_outlines_that_together_would_fill_the_memory_cost_one_image(tmp_path):
    write_coco_instances(tmp_path)
    text = "[[" + "1," * 9_000_000 + "1]]"

    def change(content):
        one = content["annotations"][0]
        content["annotations"] = [{**one, "id": place, "segmentation": "HUGE"} for place in range(4)]

    edit_json(tmp_path / INSTANCES, change)
    path = tmp_path / INSTANCES
    path.write_text(path.read_text().replace('"HUGE"', text))
    source = open_source("coco_instances", tmp_path, "val")
    with pytest.raises(DataSetError, match=r"images\[0\]: its outlines have 72,000,\d+ bytes in all"):
        source.check(0)
    assert source.read(1).key == 285


@pytest.mark.parametrize("field", ["id", "note"])
def test_numbers_of_5000_digits_and_deep_nesting_are_no_traceback(tmp_path, field):
    write_coco_instances(tmp_path)
    path = tmp_path / INSTANCES
    whole = path.read_text()
    for text in ("9" * 5_000, "[" * 100_000 + "]" * 100_000):
        path.write_text(whole.replace('"license": 2', f'"license": 2, "{field}": {text}', 1))
        with contextlib.suppress(InputError):
            open_source("coco_instances", tmp_path, "val").read(0)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", [b'NaN "' + b'\\"' * 200_000, b"NaN " + b'"a' * 200_001])
def test_a_text_without_an_end_costs_no_more_than_others(text):
    assert repaired_json(text) == b"null" + text[3:]
