"""Training for few bits: what of a network takes part, and whole runs through the command line."""

from __future__ import annotations

import json
import re

import pytest
import safetensors.torch
import torch

from rapsam.export.backends.catalogue import RECIPES
from rapsam.models.build import build_model
from rapsam.models.weight_facts import read_facts
from rapsam.quantize.fake import weighted_modules
from rapsam.training.few_bits import FewBits
from tests.cli.cli_runs import assert_refused, rapsam
from tests.training.tiny_run import run_training

FEW = ("--set", "epochs=0.4", "--set", "keep=9")
ABLE = {
    "onnx-w8",
    "onnx-w8a8",
    "onnx-w8a16",
    "tflite-w8",
    "tflite-w8a8",
    "executorch-w8a8",
    "executorch-w8da8",
}
FAILING = ("--set", "optimiser.lr=1e30", "--set", "optimiser.clip_norm=1e30")


@pytest.fixture(scope="module")
def model():
    return build_model("rapsam_nano", classifier="synth")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, world, recipe):
    """A run of two steps for onnx-w8a8."""
    run = tmp_path_factory.mktemp("runs") / "few-bits"
    done = run_training(recipe, "--data", world, "--out", run, "--qat", "onnx-w8a8", *FEW)
    assert done.returncode == 0, done.stderr
    return run


def test_what_graphs_merge_or_leave_out_takes_no_part(model):
    bits = FewBits(model, RECIPES["onnx-w8a8"].quantisation)
    names = set(weighted_modules(model))
    assert bits.features.names | bits.objects.names < names
    assert bits.objects.names == bits.prompts.names
    left = names - bits.features.names - bits.objects.names
    assert {"neck.feature_conv", "decoder.stages.0.mask_kernel", "decoder.stages.1.update.query_gate"} <= left
    assert all(re.search(model.rewritten, name) for name in left)
    assert "backbone.conv1" in bits.features.names
    assert {"decoder.stages.2.ffn.0", "decoder.object_adapter.class_embed"} <= bits.objects.names


@pytest.mark.parametrize("role", ["class head", "gate", "prompt position", "sampling", "steering"])
def test_roles_have_modules_in_the_trainable_network_too(role, model):
    assert any(re.search(model.parts[role], name) for name in weighted_modules(model))


def test_passes_have_ranges_of_their_own(trained):
    beside = safetensors.torch.load_file(trained / "checkpoints" / "step-00000002" / "beside.safetensors")
    ranges = {name: tensor for name, tensor in beside.items() if name.startswith("few_bits.")}
    place = "inputs.decoder/object_adapter/update/query_proj.high"
    assert bool(ranges[f"few_bits.objects.{place}"].isfinite())
    assert not bool(ranges[f"few_bits.prompts.{place}"].isfinite()), "the adapter of objects sees no prompts"
    features = ranges["few_bits.features.inputs.backbone/layer1/0/conv1.high"]
    assert float(features) > 0
    assert ranges["few_bits.features.inputs.backbone/layer1/0/conv1.low"].tolist() == [0.0]


def test_checkpoints_and_weights_are_those_of_any_run(trained, model):
    wanted = model.state_dict()
    for path in (trained / "weights.safetensors", *trained.glob("checkpoints/*/weights.safetensors")):
        assert safetensors.torch.load_file(path).keys() == wanted.keys()


def test_the_run_keeps_its_recipe_and_the_weights_its_name(trained):
    kept = json.loads((trained / "recipe.json").read_text())["qat"]
    assert kept["recipe"] == "onnx-w8a8"
    assert kept["scheme"]["activation_bits"] == 8
    assert read_facts(trained / "weights.safetensors").trained_for == "onnx-w8a8"


def test_another_run_from_these_weights_is_free_again(trained, world, recipe, tmp_path):
    start = ("--checkpoint", trained / "weights.safetensors", "--set", "epochs=0.2")
    done = run_training(recipe, "--data", world, "--out", tmp_path / "run", *start)
    assert done.returncode == 0, done.stderr
    assert read_facts(tmp_path / "run" / "weights.safetensors").trained_for is None


def test_converted_weights_remember_what_they_were_trained_for(trained, tmp_path):
    half = tmp_path / "half.safetensors"
    assert rapsam("convert", trained / "weights.safetensors", half, "--half").code == 0
    assert read_facts(half).trained_for == "onnx-w8a8"


def test_export_at_another_precision_of_few_bits_is_refused(trained, tmp_path):
    weights = ("--model", "rapsam_nano", "--checkpoint", trained / "weights.safetensors", "--size", "32x32")
    to = ("--target", "tflite", "--precision", "w8a8", "--calibration", "drawn", "--calibration-images", 8)
    assert_refused(
        rapsam("export", *weights, *to, "--out", tmp_path / "bundles"),
        "weights that were trained for 'onnx-w8a8', exported as tflite-w8a8",
        "rapsam train --qat tflite-w8a8",
    )
    assert not (tmp_path / "bundles").exists()


def test_weights_alone_are_trained_without_ranges(world, recipe, tmp_path):
    run = tmp_path / "run"
    done = run_training(recipe, "--data", world, "--out", run, "--qat", "coreml-w8-ios17", *FEW)
    assert done.returncode == 0, done.stderr
    assert not list(run.glob("checkpoints/*/beside.safetensors"))
    float_run = tmp_path / "float"
    assert run_training(recipe, "--data", world, "--out", float_run, *FEW).returncode == 0
    ours, theirs = (safetensors.torch.load_file(each / "weights.safetensors") for each in (run, float_run))
    assert not all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_two_processes_go_on_together(world, recipe, tmp_path):
    run = tmp_path / "run"
    done = run_training(
        recipe, "--data", world, "--out", run, "--qat", "onnx-w8a8", "--processes", 2, "--set", "epochs=0.6"
    )
    assert done.returncode == 0, done.stderr
    beside = safetensors.torch.load_file(run / "checkpoints" / "step-00000003" / "beside.safetensors")
    assert float(beside["few_bits.features.inputs.backbone/layer1/0/conv1.high"]) > 0


def test_a_loss_that_is_no_number_stops_the_run_as_ever(world, recipe, tmp_path):
    done = run_training(recipe, "--data", world, "--out", tmp_path / "run", "--qat", "onnx-w8a8", *FAILING)
    assert done.returncode == 2
    assert "is no number; the batch is in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["onnx-fp32", "coreml-p4-ios18", "w8a8", "rapsam"])
def test_what_cannot_be_trained_for_is_refused_with_what_can(name, world, recipe, tmp_path):
    outcome = rapsam("train", recipe, "--data", world, "--out", tmp_path / "run", "--qat", name)
    assert_refused(outcome, f"--qat {name!r}; expected an export recipe to train for", *ABLE)
    assert "fp16" not in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_what_it_trains_for(trained, world, recipe, tmp_path):
    assert_refused(
        rapsam("train", "--resume", trained, "--data", world, "--qat", "onnx-w8a8"), "--qat beside --resume"
    )
    by_hand = ("--set", "qat.recipe=onnx-w8", "--set", "qat.scheme={}")
    outcome = rapsam("train", recipe, "--data", world, "--out", tmp_path / "run", *by_hand)
    assert_refused(outcome, "name the export recipe with --qat instead")
