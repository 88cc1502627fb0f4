"""`rapsam export`: what it says and makes, and what it refuses before any work."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from rapsam.export.manifest import read_manifest
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.conftest import LEFT_BY_A_KILLED_EXPORT

SMALL = ("export", "--model", "rapsam_nano", "--target", "onnx", "--size", "32x32")


def test_it_says_in_json_what_it_made(exported):
    folder, outcome = exported
    assert outcome.code == 0
    (made,) = json.loads(outcome.out)
    assert made["bundle"] == str(folder)
    assert (made["recipe"], made["size"], made["parity"]) == ("onnx-fp32", [64, 96], "passed")
    assert made["failures"] == made["not_run"] == []
    manifest = read_manifest(folder)
    assert made["size_bytes"] == sum(entry.size_bytes for entry in manifest.files)
    assert [graph["path"] for graph in made["graphs"]] == [
        str(folder / name) for name in ("encoder.onnx", "panoptic.onnx", "prompt.onnx")
    ]


def test_it_says_what_it_does(exported):
    """Every step has its line on standard error, so that nothing is silent for long."""
    for step in ("loading rapsam_nano", "untrained", "encoder: lowering", "golden", "ONNX Runtime: "):
        assert step in exported.outcome.err


def test_what_a_killed_export_left_does_not_disturb(exported):
    out = exported.folder.parent
    assert sorted(path.name for path in out.iterdir()) == [".onnx-fp32.killed", "onnx-fp32"]
    assert (out / LEFT_BY_A_KILLED_EXPORT).read_bytes() == b"half"


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ("--device iphone-15", "unknown device 'iphone-15'; did you mean iphone-15-pro"),
        ("--device pixel-8 iphone-15", "unknown device 'iphone-15'"),
        ("--target onyx", "unknown target 'onyx'; did you mean onnx?"),
        ("--target onnx --precision int8", "unknown precision 'int8'"),
        ("--target onnx --tasks panoptics", "unknown task 'panoptics'; did you mean panoptic"),
        ("--target onnx --ios 12", "iOS 12 for target 'onnx'"),
        ("--target coreml --ios 12", "iOS 12 is not a deployment target; choose one of [16, 17, 18]"),
        ("--target coreml --ios 0", "iOS 0 is not a deployment target"),
        ("--device pixel-8 --target coreml", "target coreml for pixel-8, an android phone"),
        ("--device pixel-8 --ios 17", "only coreml has an iOS version"),
        ("", "neither device nor target given"),
        ("--target onnx --size 640", "size '640'; expected HEIGHTxWIDTH in pixels, such as 480x640"),
        ("--target onnx --size 0x0", "size 0x0 does not suit the network"),
        ("--target onnx --size 100x90", "multiples of 32, such as 96x64 or 128x96"),
        ("--target onnx --size -64x64", "size '-64x64'"),
        ("--target onnx --size 99968x99968", "at most 2048"),
        ("--target onnx --prompts 0", "0 prompts per pass; expected 1 to 64"),
        ("--target onnx --prompts -3", "-3 prompts per pass; expected 1 to 64"),
        ("--target onnx --prompts 1000", "1000 prompts per pass; expected 1 to 64"),
    ],
)
def test_wrong_choices_are_refused(choices, says, tmp_path):
    out = tmp_path / "out"
    assert_refused(rapsam("export", "--model", "rapsam_nano", "--out", out, *choices.split()), says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("r50", "did you mean rapsam_r50?"), ("nano", "did you mean rapsam_nano?"), ("sam2", "rapsam_")],
)
def test_an_unknown_model_is_refused(name, says, tmp_path):
    outcome = rapsam("export", "--model", name, "--target", "onnx", "--out", tmp_path / "out")
    assert_refused(outcome, f"unknown model '{name}'", says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/dev/null/x", "file/x", "file", "a" * 300])
def test_an_unwritable_place_is_refused_before_any_work(place, tmp_path):
    (tmp_path / "file").write_text("x")
    outcome = rapsam(*SMALL, "--out", tmp_path / place)
    assert_refused(outcome, f"cannot write {tmp_path / place}", "choose a folder that you may write to")
    assert "loading" not in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_used_folder_is_refused_before_any_work(tmp_path):
    """Of several devices, the last one must not fail after the others took minutes."""
    used = tmp_path / "pixel-8"
    used.mkdir()
    (used / "mine.txt").write_text("keep")
    outcome = rapsam(
        "export", "--model", "rapsam_nano", "--device", "iphone-15-pro", "pixel-8", "--out", tmp_path
    )
    assert_refused(outcome, f"{used} exists already; expected a new folder")
    assert "loading" not in outcome.err
    assert [path.name for path in tmp_path.rglob("*")] == ["pixel-8", "mine.txt"]


def test_unusable_photographs_are_refused(photo, tmp_path):
    Image.open(photo).save(photo.with_suffix(".bmp"))
    assert_refused(
        rapsam(*SMALL, "--out", tmp_path / "out", "--image", tmp_path / "none.jpg"), "none.jpg does not exist"
    )
    assert_refused(
        rapsam(*SMALL, "--out", tmp_path / "out", "--image", photo, photo.with_suffix(".bmp")),
        "two images are called 'photo'",
    )
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_an_empty_word_is_no_formula(tmp_path):
    """As from `--checkpoint "$UNSET"`: a bundle without the user's weights would be a bad surprise."""
    outcome = rapsam(*SMALL, "--out", tmp_path / "out", "--checkpoint", "")
    assert_refused(outcome, "expected .safetensors, .pth or .pt")
    assert not (tmp_path / "out").exists()
