"""`rapsam eval`: what it must not write over, what it leaves out, and going on after Ctrl-C."""

from __future__ import annotations

import json
import os
import shlex
import shutil

import pytest
from PIL import ExifTags, Image

import rapsam.evaluation.run as evaluation
from rapsam.evaluation.prompt_scores import PromptScores
from tests.cli.cli_runs import assert_refused, rapsam
from tests.data.sources.tiny_sets import edit_json, write_coco_instances, write_photo, write_youtube_vis
from tests.training.tiny_run import write_tiny_world

MODEL = ("--model", "rapsam_nano", "--sides", "64,64")
ANNOTATIONS = "annotations/instances_val2017.json"


@pytest.fixture
def data(tmp_path):
    write_coco_instances(tmp_path / "coco")
    return tmp_path / "coco"


def evaluated(data, *arguments):
    return rapsam("eval", *MODEL, "--kind", "coco_instances", "--data", data, *arguments)


def test_an_older_report_is_kept_unless_told_otherwise(data, tmp_path):
    out = tmp_path / "e.json"
    assert evaluated(data, "--out", out).code == 0
    before = out.read_bytes()
    outcome = evaluated(data, "--out", out)
    assert_refused(outcome, f"{out} exists already; add --overwrite")
    assert "loading" not in outcome.err
    assert out.read_bytes() == before
    assert evaluated(data, "--out", out, "--overwrite", "--task", "prompts").code == 0
    assert json.loads(out.read_text())["task"] == "prompts"


def test_annotations_are_never_written_over(data):
    before = (data / ANNOTATIONS).read_bytes()
    for arguments in ((), ("--overwrite",)):
        outcome = evaluated(data, "--out", data / ANNOTATIONS, *arguments)
        assert_refused(outcome, data / ANNOTATIONS)
    assert "is not a report of an evaluation" in outcome.err
    assert (data / ANNOTATIONS).read_bytes() == before


@pytest.mark.parametrize("name", ["manifest.json", "new.json", "../bundle/manifest.json"])
def test_a_bundle_is_never_written_into(tmp_path, data, name):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").write_text("{}")
    arguments = ["--bundle", bundle, "--kind", "coco_instances", "--data", data, "--overwrite"]
    outcome = rapsam("eval", *arguments, "--out", bundle / name)
    assert_refused(outcome, "cannot write", "which is read")
    assert [path.name for path in bundle.iterdir()] == ["manifest.json"]


def test_a_checkpoint_is_never_written_over(checkpoint, data, tmp_path):
    weights = shutil.copy(checkpoint, tmp_path / "weights.safetensors")
    link = tmp_path / "link.json"
    os.link(weights, link)
    for out in (weights, link):
        outcome = evaluated(data, "--checkpoint", weights, "--out", out, "--overwrite")
        assert_refused(outcome, f"cannot write {out} over {weights}")


def test_pipes_and_devices_are_refused_at_once(data, tmp_path):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    assert_refused(evaluated(data, "--out", pipe), "is a pipe or a device")
    assert_refused(evaluated(data, "--out", "/dev/null", "--overwrite"), "is a pipe or a device")
    os.mkfifo(tmp_path / "e.unfinished.json")
    assert_refused(evaluated(data, "--out", tmp_path / "e.json"), "is a pipe or a device")
    assert_refused(evaluated(data, "--out", "a\0b"), "holds a NUL byte")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"segmentation": [[1, 2]]}, "annotations[1].segmentation[0] has 2 numbers"),
        ({"iscrowd": 2}, "annotations[1]: Invalid enum value 2 - at `$.iscrowd`"),
    ],
)
def test_a_faulty_annotation_is_counted_and_its_image_stays(data, tmp_path, change, fault):
    edit_json(data / ANNOTATIONS, lambda content: content["annotations"][1].update(change))
    out = tmp_path / "e.json"
    outcome = evaluated(data, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "annotations left out: 1; the first: " in outcome.out
    report = json.loads(out.read_text())
    assert (report["annotations_left_out"], report["left_out"]) == (1, [])
    assert fault in report["first_annotations_left_out"][0]
    outcome = evaluated(data, "--out", tmp_path / "strict.json", "--strict")
    assert_refused(outcome, fault, "without --strict")
    assert not (tmp_path / "strict.json").exists()


def test_an_image_that_cannot_be_used_is_counted_and_strict_stops(data, tmp_path):
    (data / "val2017/000000000285.jpg").unlink()
    outcome = evaluated(data, "--out", tmp_path / "e.json")
    assert outcome.code == 0
    assert "images or videos left out: 1 of 2; the first: " in outcome.out
    outcome = evaluated(data, "--out", tmp_path / "s.json", "--strict")
    assert_refused(outcome, "000000000285.jpg does not exist")


def test_ids_of_another_type_are_an_error(data, tmp_path):
    def change(content):
        for annotation in content["annotations"]:
            annotation["image_id"] = str(annotation["image_id"])

    edit_json(data / ANNOTATIONS, change)
    assert_refused(evaluated(data, "--out", tmp_path / "e.json"), "no annotation belongs to", "is '139'")


def test_file_names_cannot_command_the_terminal(data, tmp_path):
    edit_json(data / ANNOTATIONS, lambda content: content["images"][1].update(file_name="\x1b[31mx\n.jpg"))
    outcome = evaluated(data, "--out", tmp_path / "e.json")
    assert outcome.code == 0
    assert "\x1b" not in outcome.out + outcome.err


def test_names_that_are_no_text_go_into_the_report(data, tmp_path):
    named = tmp_path / os.fsdecode(b"data-\xff")
    data.rename(named)
    (named / "val2017/000000000285.jpg").unlink()
    out = tmp_path / os.fsdecode(b"e-\xff.json")
    outcome = evaluated(named, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "data-\\udcff" in json.loads(out.read_text())["left_out"][0]
    assert json.loads(rapsam("data", "check", named, "--json").out)["is_well"] is False


def test_videos_without_a_kind(tmp_path):
    write_youtube_vis(tmp_path / "world/youtube_vis")
    for data in (tmp_path / "world", tmp_path / "world/youtube_vis"):
        outcome = rapsam("eval", *MODEL, "--data", data, "--out", tmp_path / "e.json")
        assert_refused(
            outcome, "is not the folder of a coco_panoptic data set", "--kind youtube_vis_2019 --split train"
        )


def test_an_interrupted_evaluation_names_the_command_that_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    world = write_tiny_world(tmp_path / "a world")
    add, calls = PromptScores.add, []

    def interrupted(self, subject, clip):
        calls.append(clip.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(self, subject, clip)

    monkeypatch.setattr(PromptScores, "add", interrupted)
    out = tmp_path / "e.json"
    arguments = ["--data", world, "--split", "train", "--task", "prompts", "--limit", 3, "--out", out]
    outcome = rapsam("eval", *MODEL, *arguments)
    assert outcome.code == 130
    (line,) = [line for line in outcome.err.splitlines() if "go on with: " in line]
    again = rapsam(*shlex.split(line.partition("go on with: rapsam ")[2]))
    assert again.code == 0, again.err
    assert len(calls) == 4
    assert json.loads(out.read_text())["clips"] == 3
    assert not (tmp_path / "e.unfinished.json").exists()


def test_loading_is_told(data, tmp_path):
    outcome = evaluated(data, "--out", tmp_path / "e.json")
    assert "reading the annotations of coco_instances val" in outcome.err
    assert "loading rapsam_nano" in outcome.err


def test_a_turned_photograph_of_which_nothing_tells_stops_until_one_says(data, tmp_path):
    note = Image.Exif()
    note[ExifTags.Base.Orientation] = 3
    write_photo(data / "val2017/000000000139.jpg", 0, exif=note)
    out = tmp_path / "e.json"
    assert_refused(evaluated(data, "--out", out), "000000000139.jpg has an EXIF orientation", "--orientation")
    assert_refused(evaluated(data, "--out", out, "--orientation", "turned"), "unknown orientation 'turned'")
    assert not out.exists()
    assert evaluated(data, "--out", out, "--orientation", "displayed").code == 0


def test_boxes_of_a_detector_are_prompts(data, tmp_path):
    boxes, out = tmp_path / "boxes.json", tmp_path / "e.json"
    entry = {"image_id": 139, "category_id": 1, "bbox": [6, 4, 14, 8], "score": 0.9}
    boxes.write_text(json.dumps([entry]))
    outcome = evaluated(data, "--boxes", boxes, "--out", out)
    assert outcome.code == 0, outcome.err
    report = json.loads(out.read_text())
    assert (report["task"], report["clips"]) == ("given-boxes", 2)
    assert report["figures"]["mask_ap"]["ap"] is not None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--boxes none.json", "none.json does not exist"),
        ("--boxes none.json --task prompts", "--boxes beside --task prompts; boxes are for 'given-boxes'"),
        ("--boxes none.json --against bundle", "--boxes beside --against"),
        ("--task given-boxes", "without boxes; name a file: --boxes FILE"),
    ],
)
def test_boxes_that_cannot_be_asked_about_are_refused(options, says, data, tmp_path):
    assert_refused(evaluated(data, *options.split(), "--out", tmp_path / "e.json"), says)
