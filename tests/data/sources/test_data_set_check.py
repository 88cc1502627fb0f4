"""Checking data sets: what is counted, what is found, and that nothing is changed."""

from __future__ import annotations

import os
import stat

import pytest

from rapsam.data.sources.check import SAMPLE, check_below
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import (
    PANOPTIC_IDS,
    edit_json,
    image_entry,
    write_ade20k,
    write_coco_instances,
    write_coco_panoptic,
    write_ids,
    write_photo,
    write_vipseg,
    write_youtube_vis,
)

PANOPTIC = "annotations/panoptic_val2017.json"


def checked(root, *, full=False):
    """Returns the reports in the order of folders, kinds and splits."""
    return check_below(root, full=full, progress=lambda _: None)


def only(reports):
    (report,) = reports
    return report


def state(root):
    """Everything of a tree that a writer would change."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else None
        found[path] = (stat.filemode(status.st_mode), status.st_mtime_ns, status.st_ctime_ns, content)
    return found


@pytest.fixture
def everything(tmp_path):
    write_coco_panoptic(tmp_path / "coco")
    write_coco_instances(tmp_path / "coco")
    write_youtube_vis(tmp_path / "youtube_vis_2019")
    write_ade20k(tmp_path / "ade/ADEChallengeData2016")
    write_vipseg(tmp_path / "vipseg/VIPSeg_720P")
    return tmp_path


@pytest.mark.parametrize("full", [False, True])
def test_all_kinds_are_found_and_counted(everything, full):
    reports = checked(everything, full=full)
    counted = {
        (report.kind, report.split, report.folder): (
            *(report.images, report.videos, report.segments, report.classes),
            report.decoded,
        )
        for report in reports
    }
    assert counted == {
        ("coco_panoptic", "val", "coco"): (3, 0, 5, 4, 3),
        ("coco_instances", "val", "coco"): (2, 0, 3, 2, 2),
        ("youtube_vis_2019", "train", "youtube_vis_2019"): (4, 2, 2, 3, 4 if full else 2),
        ("ade20k_panoptic", "train", "ade/ADEChallengeData2016"): (1, 0, 4, 5, 1),
        ("vipseg", "val", "vipseg/VIPSeg_720P"): (2, 1, 3, 4, 2 if full else 1),
    }
    assert all(report.is_well for report in reports)


def test_the_root_itself_may_be_the_data_set(tmp_path):
    write_coco_panoptic(tmp_path, "train")
    report = only(checked(tmp_path))
    assert (report.folder, report.split) == (".", "train")


def test_a_linked_data_set_is_followed(tmp_path):
    write_coco_panoptic(tmp_path / "disk")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/coco").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/val2017/000000000139.jpg").unlink()
    report = only(checked(tmp_path / "sets"))
    assert report.first_missing == ["coco/val2017/000000000139.jpg"]


def test_missing_files_are_counted_and_the_first_named(everything):
    for path in (everything / "coco/val2017").iterdir():
        path.unlink()
    (everything / "coco/annotations/panoptic_val2017/000000000632.png").unlink()
    panoptic, instances, *others = sorted(checked(everything), key=lambda report: report.folder != "coco")
    assert (panoptic.missing, instances.missing) == (4, 2)
    assert panoptic.first_missing == [f"coco/val2017/{key:012d}.jpg" for key in (139, 285, 632)]
    assert (panoptic.decoded, panoptic.broken, panoptic.is_well) == (0, [], False)
    assert all(report.is_well for report in others)


def test_each_kind_of_fault_is_counted_with_its_first_example(tmp_path):
    write_coco_panoptic(tmp_path)

    def change(content):
        for place in (0, 1):
            content["annotations"][place]["segments_info"][0]["category_id"] = 70 + place
        content["annotations"].append({"image_id": 4, "file_name": "4.png", "segments_info": []})
        content["images"].append(image_entry(8, "000000000008.jpg"))

    edit_json(tmp_path / PANOPTIC, change)
    (tmp_path / "val2017/000000000632.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    report = only(checked(tmp_path))
    assert {fault.kind: fault.count for fault in report.broken} == {
        "stray annotation": 1,
        "unknown category": 2,
        "no annotation": 1,
        "damaged file": 1,
    }
    first = {fault.kind: fault.first for fault in report.broken}
    assert "annotations[1].segments_info[0].category_id is 71" in first["unknown category"]
    assert "000000000632.jpg" in first["damaged file"]
    assert not report.is_well


def test_an_annotation_file_that_cannot_be_read_does_not_hide_the_others(everything):
    (everything / "coco" / PANOPTIC).write_text('{"images": 3}')
    ade, broken, *others = checked(everything)
    (fault,) = broken.broken
    assert (fault.kind, fault.count) == ("annotation file", 1)
    assert "Expected `array`, got `int` - at `$.images`" in fault.first
    assert len(others) == 3
    assert all(report.is_well for report in (ade, *others))


def many_images(root, count):
    """One photograph and mask under many names."""
    write_coco_panoptic(root)

    def change(content):
        content["images"] = [{**image_entry(key, "000000000139.jpg")} for key in range(count)]
        segments = content["annotations"][1]["segments_info"]
        content["annotations"] = [
            {"image_id": key, "file_name": f"{key}.png", "segments_info": segments} for key in range(count)
        ]

    edit_json(root / PANOPTIC, change)
    for key in range(count):
        write_ids(root / f"annotations/panoptic_val2017/{key}.png", PANOPTIC_IDS[0])


def test_without_full_a_sample_is_decoded(tmp_path):
    many_images(tmp_path, 60)
    write_ids(tmp_path / "annotations/panoptic_val2017/1.png", PANOPTIC_IDS[1])
    sampled, full = only(checked(tmp_path)), only(checked(tmp_path, full=True))
    assert (sampled.decoded, sampled.is_well) == (20, True)
    assert sampled.decoded <= SAMPLE
    assert full.decoded == 60
    assert {fault.kind: fault.count for fault in full.broken} == {
        "segment without pixels": 3,
        "pixels of no segment": 1,
    }


def test_full_finds_a_broken_frame_in_the_middle(everything):
    write_photo(everything / "youtube_vis_2019/train/JPEGImages/0043f083b5/00005.jpg", 0, (12, 12))
    assert all(report.is_well for report in checked(everything))
    (report,) = [report for report in checked(everything, full=True) if not report.is_well]
    assert (report.kind, report.broken[0].kind) == ("youtube_vis_2019", "wrong size")


@pytest.mark.parametrize("full", [False, True])
def test_a_read_only_tree_is_checked_and_left_as_it_was(everything, full):
    edit_json(everything / "coco" / PANOPTIC, lambda content: content["annotations"].pop())
    paths = sorted(everything.rglob("*"), reverse=True)
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = state(everything)
    try:
        assert not all(report.is_well for report in checked(everything, full=full))
        assert state(everything) == before
    finally:
        for path in reversed(paths):
            path.chmod(0o755)


def test_progress_is_told(everything):
    steps = []
    check_below(everything, full=True, progress=steps.append)
    assert steps[0] == "ade20k_panoptic train: reading the annotation file"
    assert "coco_panoptic val: decoding 3 of 3" in steps


def test_a_folder_without_data_sets_is_refused(tmp_path):
    (tmp_path / "a/b/c").mkdir(parents=True)
    with pytest.raises(
        InputError, match=r"no data set in .*; expected files such as annotations/panoptic_val"
    ):
        checked(tmp_path)
    with pytest.raises(InputError, match="does not exist; expected the folder of a data set"):
        checked(tmp_path / "none")


def test_pipes_in_place_of_images_are_missing_files(tmp_path):
    write_coco_panoptic(tmp_path)
    (tmp_path / "val2017/000000000139.jpg").unlink()
    os.mkfifo(tmp_path / "val2017/000000000139.jpg")
    assert only(checked(tmp_path)).missing == 1


def test_a_name_too_long_for_any_disk_is_a_fault_of_one_image(tmp_path):
    write_coco_panoptic(tmp_path)
    edit_json(tmp_path / PANOPTIC, lambda content: content["images"][0].update(file_name="x" * 300))
    report = only(checked(tmp_path))
    assert [(fault.kind, fault.count) for fault in report.broken] == [("unsafe file name", 1)]
    assert report.decoded == 2


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    write_coco_panoptic(tmp_path)

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(InputError, match=r"cannot look into .*Permission denied"):
        checked(tmp_path)
