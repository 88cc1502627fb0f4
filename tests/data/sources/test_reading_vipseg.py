"""VIPSeg at 720 lines: what is read, and every way in which the files can be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.sources.kinds import open_source
from tests.data.sources.tiny_sets import (
    SIZE,
    VIPSEG_DOG,
    VIPSEG_IDS,
    VIPSEG_PERSON,
    VIPSEG_WALL,
    edit_json,
    first_fault,
    write_ids,
    write_vipseg,
)

JSON = "panoptic_gt_VIPSeg_val.json"
VIDEO = "1007_PSrKSNkJ6bI"


@pytest.fixture
def root(tmp_path):
    write_vipseg(tmp_path)
    return tmp_path


def refused(root):
    source = open_source("vipseg", root, "val")
    return first_fault(lambda: source.read(0).faults)


def test_objects_keep_their_place_through_the_frames(root):
    pixels = write_vipseg(root)
    source = open_source("vipseg", root, "val")
    assert (source.name, len(source), source.num_frames(0)) == ("vipseg val", 1, 2)
    clip = source.read(0)
    assert (clip.name, clip.key) == (VIDEO, 0)
    np.testing.assert_array_equal(clip.frames, pixels)
    assert clip.ids.tolist() == sorted([VIPSEG_DOG, VIPSEG_WALL, VIPSEG_PERSON])
    np.testing.assert_array_equal(clip.masks, clip.ids[:, None, None, None] == VIPSEG_IDS)
    names = {
        int(value): source.label_set.labels[index].name
        for value, index in zip(clip.ids, clip.classes, strict=True)
    }
    assert names == {VIPSEG_DOG: "dog", VIPSEG_WALL: "wall", VIPSEG_PERSON: "person"}
    assert [label.name for label in source.label_set.labels] == ["person", "dog", "wall", "traffic light"]


def test_named_frames_keep_all_objects_in_place(root):
    pixels = write_vipseg(root)
    clip = open_source("vipseg", root, "val").read(0, [1])
    np.testing.assert_array_equal(clip.frames, pixels[1:])
    assert len(clip.ids) == 3
    np.testing.assert_array_equal(clip.masks[:, 0], VIPSEG_IDS[1] == clip.ids[:, None, None])


def test_frames_without_segments_are_legal(root):
    def change(content):
        for mask in content["annotations"][0]["annotations"]:
            mask["segments_info"] = []

    edit_json(root / JSON, change)
    for name in ("00000486", "00000491"):
        write_ids(root / f"panomasksRGB/{VIDEO}/{name}.png", np.zeros(SIZE, np.int32))
    assert open_source("vipseg", root, "val").read(0).masks.shape == (0, 2, *SIZE)


def frame(content, place=1):
    return content["annotations"][0]["annotations"][place]


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (
            lambda content: frame(content)["segments_info"][0].update(category_id=500),
            "unknown category",
            "annotations[0].annotations[1].segments_info[0].category_id is 500",
        ),
        (
            lambda content: frame(content)["segments_info"][0].update(category_id=58),
            "repeated id",
            f"segments_info[0].id is {VIPSEG_WALL}, which has another category",
        ),
        (
            lambda content: frame(content)["segments_info"][1].update(id=VIPSEG_WALL),
            "repeated id",
            f"segments_info[1].id is {VIPSEG_WALL} again",
        ),
        (
            lambda content: content["annotations"][0]["annotations"].pop(),
            "wrong number of masks",
            "videos[0] has 2 images and 1 annotations",
        ),
        (
            lambda content: frame(content).update(image_id="00000486"),
            "repeated id",
            "videos[0] has an image id twice",
        ),
        (
            lambda content: frame(content).update(image_id="00000999"),
            "no annotation",
            "videos[0].images[1].id is '00000491', which no annotation",
        ),
        (
            lambda content: content["annotations"].append(content["annotations"][0]),
            "repeated id",
            f"videos[0].video_id '{VIDEO}' stands in several",
        ),
        (lambda content: content["annotations"].clear(), "wrong number of masks", "and 0 annotations"),
        (
            lambda content: content["videos"][0]["images"][1].update(width=33),
            "wrong size",
            "videos[0].images[1] is 33x24 px; expected 32x24 as in the first frame",
        ),
    ],
)
def test_entries_that_contradict(root, change, kind, says):
    edit_json(root / JSON, change)
    error = refused(root)
    assert error.kind == kind
    assert f"{JSON}: " in str(error)
    assert says in str(error)
    by_check = first_fault(lambda: open_source("vipseg", root, "val").check(0))
    assert str(by_check) == str(error)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: frame(content).update(file_name="../../x.png"), "annotations[1].file_name"),
        (
            lambda content: content["videos"][0]["images"][1].update(file_name="../x.png"),
            "images[1].file_name",
        ),
        (
            lambda content: [
                entry.update(video_id="../..") for entry in (content["videos"][0], content["annotations"][0])
            ],
            "images[0].file_name",
        ),
    ],
)
def test_names_that_leave_the_folder_are_refused(root, change, says):
    edit_json(root / JSON, change)
    error = refused(root)
    assert error.kind == "unsafe file name"
    assert says in str(error)


def test_masks_that_do_not_fit_their_entries(root):
    path = root / f"panomasksRGB/{VIDEO}/00000491.png"
    write_ids(path, VIPSEG_IDS[0])
    error = refused(root)
    assert (error.kind, str(path) in str(error)) == ("segment without pixels", True)
    path.unlink()
    assert refused(root).kind == "missing file"
    assert open_source("vipseg", root, "val").read(0, [0]).frames.shape == (1, *SIZE, 3)


def test_masks_of_videos_that_are_not_listed_are_told_apart(root):
    edit_json(root / JSON, lambda content: content["videos"].clear())
    source = open_source("vipseg", root, "val")
    assert len(source) == 0
    assert [stray.kind for stray in source.strays()] == ["stray annotation"]
