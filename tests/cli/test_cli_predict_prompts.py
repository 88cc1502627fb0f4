"""`rapsam predict` with points, boxes and masks, by the family of `tests.point_family`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from rapsam.data.coco_records import Rle
from rapsam.data.rle import decode_mask
from rapsam.export.parity.sample_images import draw_scene
from tests.cli.cli_runs import assert_refused, rapsam
from tests.other_family import VARIANT as BOXER
from tests.point_family import VARIANT

HUGE = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }"
pytestmark = pytest.mark.usefixtures("clicker_family")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("clicks") / "photo.png"
    Image.fromarray(draw_scene(3, (48, 64))).save(path)
    return path


@pytest.fixture
def predicted(clicker_bundle, photo, tmp_path):
    """Predicts the photograph with these options; returns the records."""

    def predict(*options):
        out = tmp_path / "out"
        outcome = rapsam("predict", photo, "--bundle", clicker_bundle, "--out", out, "--overwrite", *options)
        assert outcome.code == 0, outcome.err
        return json.loads((out / "photo.prompts.json").read_text())["prompts"]

    return predict


def parts(record):
    """What an object was asked by: points with signs, and whether there was a box and a mask."""
    if record["kind"] != "object":
        return record["kind"], record["coordinates"]
    points = [
        (point["x"], point["y"], "+" if point["positive"] else "-") for point in record.get("points", ())
    ]
    return points, record.get("box"), record.get("mask", False)


def test_points_and_a_box_without_numbers_are_one_object(predicted):
    (record,) = predicted("--point", "20,24", "--point", "50,40,-", "--box", "10,8,40,40")
    assert parts(record) == ([(20, 24, "+"), (50, 40, "-")], [10, 8, 40, 40], False)
    assert 0.85 < record["predicted_iou"] < 0.95
    assert record["area"] > 0


def test_boxes_alone_are_an_object_each(predicted):
    records = predicted("--box", "10,8,40,40", "--box", "30,20,60,40")
    assert [record["kind"] for record in records] == ["box", "box"]


def test_numbers_say_what_belongs_together(predicted):
    records = predicted(
        *("--point", "2:50,20", "--point", "1:20,24,+", "--point", " 1: 30,30,-"),
        *("--box", "2:40,8,60,40", "--box", "7:1,1,20,20"),
    )
    assert [parts(record) for record in records] == [
        ([(20, 24, "+"), (30, 30, "-")], None, False),
        ([(50, 20, "+")], [40, 8, 60, 40], False),
        ("box", [1, 1, 20, 20]),
    ]


def test_all_candidates_are_shown(predicted, tmp_path):
    (record,) = predicted("--point", "20,24", "--multimask", "--choose", "stability")
    assert [each["candidate"] for each in record["candidates"]] == [1, 2, 3]
    areas = [each["area"] for each in record["candidates"]]
    assert areas == sorted(areas)
    assert record["area"] == areas[-1]
    assert max(each["stability"] for each in record["candidates"]) == record["candidates"][-1]["stability"]
    assert Image.open(tmp_path / "out" / "photo.candidates.png").size == (3 * 64, 48)


def test_an_answer_is_the_next_prompt(predicted, tmp_path):
    (first,) = predicted("--box", "10,8,40,40", "--logits")
    logits = tmp_path / "logits.npy"
    (tmp_path / "out" / "photo.logits.npy").rename(logits)
    assert np.load(logits).shape == (1, 16, 16)
    (second,) = predicted("--mask", logits, "--box", "10,8,40,40")
    assert parts(second) == ([], [10, 8, 40, 40], True)
    assert second["segmentation"] == first["segmentation"]
    assert parts(*predicted("--mask", f"3:{logits}")) == ([], None, True)


def test_a_checkpoint_takes_them_too(photo, tmp_path):
    command = ("predict", photo, "--model", VARIANT, "--out", tmp_path / "out", "--point", "20,24,-")
    assert rapsam(*command).code == 0
    record = json.loads((tmp_path / "out" / "photo.prompts.json").read_text())["prompts"][0]
    assert parts(record) == ([(20, 24, "-")], None, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--point 1:3,4 --point 5,6", "'5,6' has no number beside prompts that have one; write 1:x,y"),
        (
            "--point 1,2 --box 1,1,9,9 --box 2,2,8,8",
            "2 boxes beside points or a mask: which belong",
        ),
        ("--box 1:1,1,9,9 --box 1:2,2,8,8", "object 1 has two boxes; write 1:x,y"),
        (
            "--point 1,2 --point 3,4 --point 5,6 --point 7,8",
            "prompt 1 has 4 points; this model takes up",
        ),
        ("--point 1,2,2", "point '1,2,2'; expected x,y in pixels of the image, with ,- for a point beside"),
        ("--point 1,2,-1", "point '1,2,-1'; expected x,y in pixels of the image, with ,- for a point beside"),
        ("--point 70,2", "point 70,2 is outside the image; expected 0 <= x < 64"),
        ("--point 1:", "point ''; expected x,y"),
        ("--point x:1,2", "point 'x:1,2'; expected x,y"),
        ("--point 1,2 --choose best", "unknown choice 'best'"),
        ("--multimask", "--multimask without a prompt"),
        ("--logits", "--logits without a prompt"),
        ("--mask nowhere.npy", "nowhere.npy does not exist"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, says, clicker_bundle, photo, tmp_path):
    out = tmp_path / "out"
    assert_refused(rapsam("predict", photo, "--bundle", clicker_bundle, "--out", out, *options.split()), says)
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            np.zeros((8, 8), np.float32),
            "mask of prompt 1 is float32 [8, 8]; this model takes",
        ),
        (np.zeros((2, 16, 16), np.float32), "holds the mask logits of 2 objects; expected one"),
        (np.zeros((16, 16)), "holds something else; expected a .npy file of float32 mask logits"),
        (np.zeros((1, 0, 16), np.float32), "holds an array [1, 0, 16]"),
        (np.full((16, 16), np.inf, np.float32), "mask of prompt 1 holds NaN or infinite values"),
        (np.array([{}], object), "cannot read"),
        (b"no array", "is no file of an array; expected a .npy file of float32 mask logits"),
        (
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }",
            "cannot",
        ),
    ],
)
def test_files_that_hold_no_mask_are_refused(content, says, clicker_bundle, photo, tmp_path):
    path = tmp_path / "logits.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    outcome = rapsam("predict", photo, "--bundle", clicker_bundle, "--mask", path, "--out", tmp_path / "out")
    assert_refused(outcome, says)


def test_a_bundle_that_finds_no_objects_says_how_it_is_asked(clicker_bundle, photo, tmp_path):
    outcome = rapsam("predict", photo, "--bundle", clicker_bundle, "--out", tmp_path / "out")
    assert_refused(outcome, "needs 'panoptic': ask with --point, --box or --everything, or export")


def test_a_model_of_one_mask_has_no_others(photo, tmp_path):
    command = ("predict", photo, "--model", "rapsam_nano", "--checkpoint", "nano-synth", "--out", tmp_path)
    outcome = rapsam(*command, "--point", "3,4", "--multimask")
    assert_refused(outcome, "--multimask: ", "answers each prompt with one mask; leave it out")
    outcome = rapsam(*command, "--point", "3,4", "--choose", "iou")
    assert_refused(outcome, "--choose: ", "answers each prompt with one mask; leave it out")
    outcome = rapsam(
        *(
            "predict",
            photo,
            "--model",
            "rapsam_nano",
            "--checkpoint",
            "nano-synth",
            "--out",
            tmp_path / "out",
        ),
        *("--point", "1:3,4", "--point", "1:5,6,-"),
    )
    assert_refused(outcome, "prompt 1 has 2 points; this model takes one point or one box per prompt")


def test_everything_is_found_without_a_prompt(clicker_bundle, photo, tmp_path):
    out = tmp_path / "out"
    outcome = rapsam(
        *("predict", photo, "--bundle", clicker_bundle, "--out", out, "--everything"),
        *("--points-per-side", "4", "--min-iou", "0", "--min-stability", "0.3", "--crop-layers", "1"),
    )
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [str(out / "photo.overlay.png"), str(out / "photo.regions.json")]
    found = json.loads((out / "photo.regions.json").read_text())
    assert (found["file_name"], found["height"], found["width"]) == ("photo.png", 48, 64)
    assert [0, 0, 64, 48] in [region["crop"] for region in found["regions"]]
    for region in found["regions"]:
        mask = decode_mask(
            Rle(size=tuple(region["segmentation"]["size"]), counts=region["segmentation"]["counts"])
        )
        assert mask.sum() == region["area"] > 0
        assert region["stability"] >= 0.3
    assert (np.asarray(Image.open(out / "photo.overlay.png")) != np.asarray(Image.open(photo))).any()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--everything --point 3,4", "--point beside --everything, which asks about a grid; leave one out"),
        ("--min-iou 0.5", "--min-iou without --everything; expected both, or neither"),
        ("--everything --points-per-side 0", "points per side: 0; expected 1 to 128"),
        ("--everything --min-iou nan", "predicted IoU: nan; expected 0 to 1"),
        ("--everything --crop-layers 9", "layers of crops: 9; expected 0 to 3"),
        ("--everything --multimask", "--multimask without a prompt"),
    ],
)
def test_everything_that_cannot_be_found_is_refused(options, says, clicker_bundle, photo, tmp_path):
    out = tmp_path / "out"
    assert_refused(rapsam("predict", photo, "--bundle", clicker_bundle, "--out", out, *options.split()), says)
    assert not out.exists()


def test_everything_needs_a_model_that_takes_points(photo, tmp_path, boxer_family):  # noqa: ARG001
    outcome = rapsam("predict", photo, "--model", BOXER, "--everything", "--out", tmp_path / "out")
    assert_refused(
        outcome, "everything is found by points, and boxer_tiny, ", " takes only one box; take another"
    )
