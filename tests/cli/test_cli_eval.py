"""`rapsam eval`: the same question to a checkpoint and to a bundle, refusals, resuming."""

from __future__ import annotations

import json
import shutil

import pytest

from rapsam.data.synth.world import World
from rapsam.data.synth.write_world import write_world
from rapsam.export.backends.catalogue import RUNTIMES
from tests.cli.cli_runs import assert_refused, rapsam
from tests.data.sources.tiny_sets import edit_json, write_coco_panoptic
from tests.training.tiny_run import write_tiny_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_tiny_world(tmp_path_factory.mktemp("eval") / "world")


@pytest.fixture(scope="module")
def synth_bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eval-bundle")
    outcome = rapsam(
        *("export", "--model", "rapsam_nano", "--checkpoint", "nano-synth", "--target", "onnx"),
        *("--size", "128x128", "--prompts", "2", "--out", folder, "--json"),
    )
    assert outcome.code == 0, outcome.err
    return folder / "onnx-fp32"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Images and videos in which the shipped weights find something."""
    root = tmp_path_factory.mktemp("eval-scenes")
    write_world(root, World(images=6, videos=2, seed=2, size=(128, 128), num_frames=6, split="val"))
    return root


def _figures(outcome, out):
    assert outcome.code == 0, outcome.err
    return json.loads(out.read_text())["figures"]


@pytest.mark.parametrize(
    ("task", "headline"), [("panoptic", ("panoptic", "pq")), ("prompts", ("clicks", "mean_iou"))]
)
def test_checkpoint_and_bundle_have_the_same_figures(task, headline, scenes, synth_bundle, tmp_path):
    eager, graph = tmp_path / "eager.json", tmp_path / "graph.json"
    about = ["--data", scenes, "--task", task]
    model = ["--model", "rapsam_nano", "--checkpoint", "nano-synth", "--sides", "128,128"]
    one = _figures(rapsam("eval", *model, *about, "--out", eager), eager)
    other = _figures(rapsam("eval", "--bundle", synth_bundle, *about, "--out", graph), graph)
    assert json.loads(graph.read_text())["runtime"] == "ONNX Runtime"
    assert one == _near(other)
    group, name = headline
    assert one[group][name] > 0.2


@pytest.mark.parametrize(("target", "runtime"), [("tflite", "LiteRT"), ("executorch", "ExecuTorch")])
def test_every_runtime_answers_the_same_question(target, runtime, scenes, tmp_path):
    exported = rapsam(
        *("export", "--model", "rapsam_nano", "--checkpoint", "nano-synth", "--target", target),
        *("--size", "128x128", "--tasks", "panoptic", "--precision", "fp32", "--out", tmp_path / "b"),
    )
    assert exported.code == 0, exported.err
    bundle = tmp_path / "b" / f"{target}-fp32"
    about = ["--data", scenes, "--limit", "3"]
    model = ["--model", "rapsam_nano", "--checkpoint", "nano-synth", "--sides", "128,128"]
    eager, graph = tmp_path / "eager.json", tmp_path / "graph.json"
    one = _figures(rapsam("eval", *model, *about, "--out", eager), eager)
    other = _figures(rapsam("eval", "--bundle", bundle, *about, "--out", graph), graph)
    assert json.loads(graph.read_text())["runtime"] == runtime
    assert one == _near(other)
    refused = rapsam("eval", "--bundle", bundle, *about, "--task", "prompts", "--out", tmp_path / "e.json")
    assert_refused(refused, "has no graph for 'prompts'")


def test_videos_have_the_same_figures_when_clips_are_of_the_same_length(scenes, synth_bundle, tmp_path):
    about = ["--data", scenes / "youtube_vis", "--kind", "youtube_vis_2019"]
    model = ["--model", "rapsam_nano", "--checkpoint", "nano-synth", "--sides", "128,128"]
    eager, graph = tmp_path / "eager.json", tmp_path / "graph.json"
    one = _figures(rapsam("eval", *model, *about, "--clip", "1", "--out", eager), eager)
    other = _figures(rapsam("eval", "--bundle", synth_bundle, *about, "--out", graph), graph)
    assert json.loads(graph.read_text())["max_clip"] == json.loads(eager.read_text())["max_clip"] == 1
    assert one == _near(other)
    assert one["tube_ap"]["ap"] > 0
    outcome = rapsam("eval", *model, *about, "--out", eager, "--overwrite")
    assert outcome.code == 0, outcome.err
    assert json.loads(eager.read_text())["max_clip"] == 5


def test_an_evaluation_of_nothing_is_no_result(world, tmp_path):
    broken = shutil.copytree(world, tmp_path / "world")
    for image in (broken / "train2017").iterdir():
        image.write_bytes(image.read_bytes()[:100])
    out = tmp_path / "e.json"
    outcome = rapsam(
        *("eval", "--model", "rapsam_nano", "--classifier", "synth", "--sides", "64,64"),
        *("--data", broken, "--split", "train", "--out", out),
    )
    assert_refused(outcome, "nothing could be scored; the first fault: ")
    assert not out.exists()


def _near(figures):
    """A few pixels may lie on the edge of a decision and fall to the other side."""
    if isinstance(figures, dict):
        return {name: _near(value) for name, value in figures.items()}
    if isinstance(figures, list):
        return [_near(value) for value in figures]
    return pytest.approx(figures, abs=0.005) if isinstance(figures, float) else figures


def test_videos_are_scored_by_tracks(world, tmp_path):
    out = tmp_path / "tracks.json"
    outcome = rapsam(
        *("eval", "--model", "rapsam_nano", "--classifier", "synth", "--sides", "64,64", "--limit", "1"),
        *("--data", world / "youtube_vis", "--kind", "youtube_vis_2019", "--split", "train", "--out", out),
    )
    assert 0 <= _figures(outcome, out)["tube_ap"]["ap"] <= 1
    assert "tube_ap.ap" in outcome.out
    assert "1 of 1 images or videos" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.json"]


def test_a_split_without_annotations_scores_nothing(world, tmp_path):
    root = tmp_path / "withheld"
    shutil.copytree(world / "youtube_vis", root)
    edit_json(root / "train.json", lambda content: content.update(annotations=None))
    outcome = rapsam(
        *("eval", "--model", "rapsam_nano", "--classifier", "synth", "--split", "train"),
        *("--data", root, "--kind", "youtube_vis_2019", "--out", tmp_path / "e.json"),
    )
    assert_refused(outcome, "has an annotation")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--bundle DIR, or --model NAME"),
        (["--model", "rapsam_nano", "--runtime", "LiteRT"], "--runtime beside --model"),
        (["--model", "rapsam_nano", "--limit", "0"], "--limit 0"),
        (["--model", "rapsam_nano", "--clip", "0"], "--clip 0"),
        (["--bundle", "b", "--clip", "1"], "--clip beside --bundle"),
        (["--model", "rapsam_nano", "--sides", "100"], "--sides '100'"),
        (["--model", "rapsam_nano", "--sides", "99999,99999"], "--sides '99999,99999'; expected LONG,SHORT"),
        (["--model", "rapsam_nano", "--sides", "６４,６４"], "--sides '６４,６４'"),
        (["--model", "rapsam_nano", "--task", "tracks"], "task 'tracks'"),
        (["--model", "rapsam_nano", "--task", "tracks"], "--kind youtube_vis_2019 or vipseg"),
        (["--model", "rapsam_nano", "--split", ""], "--split is empty"),
        (["--model", "rapsam_nano", "--split", "../train"], "split '../train'; expected the name of one"),
        (["--model", "rapsam_nano", "--kind", "coco"], "kind of data set"),
    ],
)
def test_wrong_calls_are_one_line(arguments, says, world, tmp_path):
    outcome = rapsam("eval", "--split", "train", *arguments, "--data", world, "--out", tmp_path / "e.json")
    assert_refused(outcome, says)
    assert not list(tmp_path.iterdir())


def test_options_of_a_model_beside_a_bundle_are_refused(world, synth_bundle, tmp_path):
    outcome = rapsam(
        "eval", "--bundle", synth_bundle, "--sides", "64,64", "--data", world, "--out", tmp_path / "e.json"
    )
    assert_refused(outcome, "--sides beside --bundle")


def test_a_runtime_of_another_format_is_refused(world, synth_bundle, tmp_path):
    outcome = rapsam(
        *("eval", "--bundle", synth_bundle, "--runtime", RUNTIMES["tflite"][0].name, "--data", world),
        *("--split", "train", "--out", tmp_path / "e.json"),
    )
    assert_refused(outcome, "runtime 'LiteRT'", "ONNX Runtime")


def test_an_unreadable_data_set_is_refused(tmp_path):
    write_coco_panoptic(tmp_path / "coco")
    annotation = tmp_path / "coco" / "annotations" / "panoptic_val2017.json"
    annotation.write_text(annotation.read_text()[:100])
    outcome = rapsam(
        "eval", "--model", "rapsam_nano", "--data", tmp_path / "coco", "--out", tmp_path / "e.json"
    )
    assert_refused(outcome, annotation.name)


def test_a_bundle_against_another_on_the_same_images(scenes, synth_bundle, tmp_path):
    out = tmp_path / "eval.json"
    outcome = rapsam(
        *("eval", "--bundle", synth_bundle, "--against", synth_bundle, "--data", scenes, "--out", out)
    )
    assert outcome.code == 0, outcome.err
    assert "standard error" in outcome.out
    against = json.loads(out.read_text())["against"]
    assert against["subject"] == str(synth_bundle)
    assert {drop["drop"] for drop in against["drops"]} == {0}
    assert "panoptic.pq" in {drop["figure"] for drop in against["drops"]}


def test_what_is_no_bundle_is_nothing_to_compare_with(scenes, synth_bundle, tmp_path):
    line = ["eval", "--bundle", synth_bundle, "--data", scenes, "--out", tmp_path / "eval.json"]
    assert_refused(rapsam(*line, "--against", tmp_path / "none"), "is no folder; expected a bundle")
