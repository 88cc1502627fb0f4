"""`rapsam data check`: one screen for people, JSON for machines, exit codes."""

from __future__ import annotations

import argparse
import json

import pytest

from rapsam.cli import data_check
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import edit_json, write_coco_panoptic, write_youtube_vis


def check(*arguments):
    parser = argparse.ArgumentParser()
    data_check.add_arguments(parser)
    return data_check.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def root(tmp_path):
    write_coco_panoptic(tmp_path / "coco")
    write_youtube_vis(tmp_path / "yt")
    return tmp_path


def test_all_is_well(root, capsys):
    assert check(root) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()[2:4]]
    assert rows == [
        ["coco_panoptic", "val", "coco", "3", "0", "5", "4", "3", "well"],
        ["youtube_vis_2019", "train", "yt", "4", "2", "2", "3", "2", "well"],
    ]
    assert out.splitlines()[-1] == "of each data set a sample was decoded; --full decodes all"
    assert check(root, "--full") == 0
    assert "--full" not in capsys.readouterr().out


def test_what_is_missing_and_broken_is_said(root, capsys):
    (root / "yt/train/JPEGImages/00f88c4f0a/00000.jpg").unlink()

    def change(content):
        content["annotations"][0]["segments_info"][1]["category_id"] = 999

    edit_json(root / "coco/annotations/panoptic_val2017.json", change)
    assert check(root) == 1
    out = capsys.readouterr().out
    assert "0 missing, 1 broken" in out
    assert "1 missing, 0 broken" in out
    assert "  missing files: 1, such as yt/train/JPEGImages/00f88c4f0a/00000.jpg\n" in out
    assert "  unknown category: 1, first " in out
    assert "annotations[0].segments_info[1].category_id is 999" in out


def test_for_machines(root, capsys):
    assert check(root, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["root"], found["is_well"]) == (str(root), True)
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
    }
    (root / "coco/val2017/000000000139.jpg").unlink()
    assert check(root, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["is_well"]
    assert found["data_sets"][0]["first_missing"] == ["coco/val2017/000000000139.jpg"]


def test_a_folder_without_data_sets_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="no data set in"):
        check(tmp_path)
