"""`rapsam data check`: one screen for people, JSON for machines, exit codes."""

from __future__ import annotations

import json

import pytest

from tests.cli.cli_runs import assert_refused, rapsam
from tests.data.sources.tiny_sets import edit_json, write_coco_panoptic, write_youtube_vis


@pytest.fixture
def root(tmp_path):
    write_coco_panoptic(tmp_path / "coco")
    write_youtube_vis(tmp_path / "yt")
    return tmp_path


def test_all_is_well(root):
    outcome = rapsam("data", "check", root)
    assert (outcome.code, outcome.err) == (0, "")
    rows = [line.split() for line in outcome.out.splitlines()[2:4]]
    assert rows == [
        ["coco_panoptic", "val", "coco", "3", "0", "5", "4", "3", "well"],
        ["youtube_vis_2019", "train", "yt", "4", "2", "2", "3", "2", "well"],
    ]
    assert outcome.out.splitlines()[-1] == "of each data set a sample was decoded; --full decodes all"
    full = rapsam("data", "check", root, "--full")
    assert (full.code, "--full" in full.out) == (0, False)


def test_what_is_missing_and_broken_is_said(root):
    (root / "yt/train/JPEGImages/00f88c4f0a/00000.jpg").unlink()

    def change(content):
        content["annotations"][0]["segments_info"][1]["category_id"] = 999

    edit_json(root / "coco/annotations/panoptic_val2017.json", change)
    outcome = rapsam("data", "check", root)
    assert outcome.code == 1
    assert "0 missing, 1 broken" in outcome.out
    assert "1 missing, 0 broken" in outcome.out
    assert "  missing files: 1, such as yt/train/JPEGImages/00f88c4f0a/00000.jpg\n" in outcome.out
    assert "  unknown category: 1, first " in outcome.out
    assert "annotations[0].segments_info[1].category_id is 999" in outcome.out


def test_for_machines(root):
    outcome = rapsam("data", "check", root, "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["root"], found["is_well"]) == (0, str(root), True)
    assert found["data_sets"][0] == {
        "kind": "coco_panoptic",
        "split": "val",
        "folder": "coco",
        "images": 3,
        "videos": 0,
        "segments": 5,
        "classes": 4,
        "decoded": 3,
        "missing": 0,
        "first_missing": [],
        "broken": [],
        "notes": [],
    }
    (root / "coco/val2017/000000000139.jpg").unlink()
    outcome = rapsam("data", "check", root, "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["is_well"]) == (1, False)
    assert found["data_sets"][0]["first_missing"] == ["coco/val2017/000000000139.jpg"]


def test_a_folder_without_data_sets_is_bad_input(tmp_path):
    assert_refused(rapsam("data", "check", tmp_path), f"no data set in {tmp_path}; expected files such as")
    assert_refused(rapsam("data", "check", tmp_path / "none"), "does not exist; expected the folder")


def test_names_cannot_command_the_terminal(root):
    annotation = root / "coco/annotations/panoptic_val2017.json"
    edit_json(annotation, lambda content: content["images"][0].update(file_name="\x1b[31mx\n.jpg"))
    outcome = rapsam("data", "check", root)
    assert outcome.code == 1
    assert "\x1b[31m" not in outcome.out
    assert "\\x1b[31mx\\n.jpg" in outcome.out
