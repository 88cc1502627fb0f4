"""A family with other graphs, tensor names and tasks goes the whole way: nothing generic knows RAP-SAM's."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import rapsam
from rapsam.data.synth.source import SynthImages
from rapsam.errors import BundleError, InputError
from rapsam.evaluation.run import evaluate
from rapsam.export.localise.search import localise
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.build import deployment_of, describe_models
from rapsam.models.convert import convert_weights
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.cli.cli_runs import assert_refused
from tests.cli.cli_runs import rapsam as run
from tests.other_family import CANDIDATES, COLOURS, VARIANT

pytestmark = pytest.mark.usefixtures("boxer_family")

BOXES = [(10, 12, 50, 40), (5, 5, 30, 60), (0, 0, 90, 60)]


@pytest.fixture(scope="module")
def model(boxer_family):  # noqa: ARG001 - the family must be in the table
    return rapsam.build_model(VARIANT, checkpoint="formula")


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("boxer") / "bundle"
    rapsam.export_bundle(model, folder, target="onnx", size=(64, 96), tasks=("prompt",), num_prompts=2)
    return folder


def test_it_is_exported_and_proven(bundle, model):
    found = rapsam.load_bundle(bundle)
    manifest = found.manifest
    assert manifest.parity.status == "passed"
    assert manifest.preprocess.mean == manifest.preprocess.pad_colour == COLOURS.mean
    assert [entry.contract.graph for entry in manifest.graphs] == ["look", "ask", "answer"]
    assert (manifest.labels, manifest.postprocess, manifest.model.prototypes) == (None, None, None)
    assert (manifest.prompts.candidates, manifest.num_prompts) == (CANDIDATES, 2)
    assert "Classes: none" in (bundle / "MODEL_CARD.md").read_text()
    report = localise(deployment_of(model), bundle, manifest, ("scene", draw_scene(3, (64, 96))), str)
    assert [graph.graph for graph in report.graphs] == ["look", "ask", "answer"]


def test_bundle_and_checkpoint_answer_alike(bundle, model):
    """Three prompts through graphs that take two at a time, three candidates each."""
    image = draw_scene(3, (64, 96))
    ours = rapsam.load_bundle(bundle).predict(image, boxes=BOXES)
    theirs = rapsam.model_segmenter(model, (96, 64)).predict(image, boxes=BOXES)
    assert ours.candidates.shape == theirs.candidates.shape == (3, CANDIDATES, 64, 96)
    assert ours.masks.shape == (3, 64, 96)
    np.testing.assert_allclose(ours.candidate_iou, theirs.candidate_iou, atol=1e-4)
    assert np.mean(ours.candidates == theirs.candidates) > 0.99
    best = ours.candidate_iou.argmax(axis=1)
    np.testing.assert_array_equal(ours.masks[1], ours.candidates[1, best[1]])
    np.testing.assert_array_equal(ours.predicted_iou, ours.candidate_iou.max(axis=1))


def test_what_it_does_not_do_is_refused_by_name(bundle, model, tmp_path):
    image = draw_scene(3, (64, 96))
    found = rapsam.load_bundle(bundle)
    with pytest.raises(InputError, match=r"prompt 1 has 1 point; this model takes one box per prompt"):
        found.predict(image, points=[(3, 4)])
    with pytest.raises(InputError, match="prompt 1 has a mask"):
        found.segment(image, PromptSet((Prompt(mask=np.zeros((16, 24), np.float32)),)))
    with pytest.raises(BundleError, match="was exported with the tasks prompt, without 'panoptic'"):
        found.predict(image)
    with pytest.raises(BundleError, match="without 'panoptic'"):
        next(found.track([image], 1))
    with pytest.raises(InputError, match="does not do the task 'panoptic', only prompt"):
        rapsam.model_segmenter(model).predict(image)
    with pytest.raises(InputError, match=r"boxer_tiny does not do the task 'panoptic', only prompt"):
        rapsam.export_bundle(model, tmp_path / "c", target="onnx", size=(64, 96))
    with pytest.raises(InputError, match="names no classes by text"):
        rapsam.build_model(VARIANT, classifier="synth")


def test_the_command_line_takes_it(bundle, tmp_path):
    from PIL import Image

    Image.fromarray(draw_scene(3, (64, 96))).save(tmp_path / "photo.png")
    out = tmp_path / "out"
    found = run("predict", tmp_path / "photo.png", "--bundle", bundle, "--box", "10,12,50,40", "--out", out)
    assert found.code == 0
    assert len(json.loads((out / "photo.prompts.json").read_text())["prompts"]) == 1
    other = run("predict", tmp_path / "photo.png", "--bundle", bundle, "--out", tmp_path / "other")
    assert_refused(other, "predicting without --point and --box needs 'panoptic'")
    found = run("parity", bundle)
    assert found.code == 0, found.err
    assert run("verify", bundle).code == 0


def test_it_is_evaluated_by_the_prompts_that_it_takes(bundle):
    images = SynthImages(2, 2, (64, 96))
    found = evaluate(rapsam.load_bundle(bundle), images, "prompts")
    assert found.results["boxes"].prompts > 0
    assert found.results["clicks"].prompts == 0
    with pytest.raises(InputError, match="no graph for 'panoptic'"):
        evaluate(rapsam.load_bundle(bundle), images, "panoptic")


def test_models_are_listed_side_by_side():
    lines = run("models").out.splitlines()
    (own,) = [line for line in lines if line.startswith(VARIANT)]
    (published,) = [line for line in lines if line.startswith("rapsam_r50")]
    assert own.split()[1:5] == ["0.00", "M", "-", "-"]
    assert str(CANDIDATES) in own.split()[5:]
    assert str(CANDIDATES) not in published.split()[3:]


def test_its_weights_are_converted_both_ways(model, tmp_path):
    torch.save({"state_dict": model.state_dict()}, tmp_path / "own.pth")
    convert_weights(tmp_path / "own.pth", tmp_path / "theirs.pth", VARIANT)
    published = torch.load(tmp_path / "theirs.pth", weights_only=True)["state_dict"]
    assert all(name.startswith("module_of_theirs.") for name in published)
    convert_weights(tmp_path / "theirs.pth", tmp_path / "again.safetensors", VARIANT)
    again = rapsam.build_model(VARIANT, checkpoint=tmp_path / "again.safetensors")
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
    assert describe_models()[VARIANT]["candidates"] == CANDIDATES
