"""A student and its teacher: what is compared, and that a run with a teacher can go on."""

import pytest
import safetensors.torch
import torch

from rapsam.models.build import build_model
from rapsam.training.batch import ObjectSample
from rapsam.training.config import DistillConfig, LossConfig
from rapsam.training.losses.distillation import Distillation, ObjectAnswer
from rapsam.training.losses.matcher import match
from tests.training.tiny_run import run_training, write_recipe, write_tiny_world

CONFIG = DistillConfig(model="rapsam_nano", checkpoint="formula", feature_weight=2.0, mask_weight=3.0)
LOSS = LossConfig(num_points=64)


@pytest.fixture(scope="module")
def teacher():
    return build_model("rapsam_nano", checkpoint="formula", classifier="synth")


@pytest.fixture
def frames():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def _sample(number, frames):
    masks = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    masks[0, :, :30], masks[1, :, 40:, 10:40] = True, True
    return ObjectSample(
        number, "drawn", frames, masks, torch.tensor([1, 16]), torch.ones(20, dtype=torch.bool)
    )


def _answer(model, frames, logits_changed_by=0.0):
    output = model.detect(model.encode(frames))[-1]
    samples = [_sample(number, frames[number : number + 1]) for number in range(2)]
    matchings = [
        match(
            output.class_logits[place],
            output.mask_logits[place],
            sample.classes,
            sample.masks.flatten(1, 2).float(),
            LOSS,
            torch.Generator().manual_seed(sample.number),
        )
        for place, sample in enumerate(samples)
    ]
    output.mask_logits.add_(logits_changed_by)
    return ObjectAnswer(samples, output, matchings)


@torch.no_grad()
def test_a_student_that_equals_its_teacher_has_nothing_to_learn_of_masks(teacher, frames):
    distillation = Distillation(teacher, teacher, CONFIG)
    features = distillation.teacher_features(frames)
    assert float(distillation.object_loss(_answer(teacher, frames), features, LOSS, 4.0)) == 0
    boxes = torch.tensor([[[0.1, 0.1, 0.5, 0.5], [0.2, 0.2, 0.9, 0.9]]]).expand(2, -1, -1)
    output = teacher.segment(features, boxes)[-1]
    assert float(distillation.prompt_loss(output, features, boxes, [2, 1], 3.0)) == 0


@torch.no_grad()
def test_soft_masks_are_compared_object_by_object(teacher, frames):
    distillation = Distillation(teacher, teacher, CONFIG)
    features = distillation.teacher_features(frames)
    changed = _answer(teacher, frames, logits_changed_by=0.5)
    found = float(distillation.object_loss(changed, features, LOSS, 4.0))
    wanted = 0.0
    for place, pairs in enumerate(changed.matchings):
        ours = changed.output.mask_logits[place, pairs.queries]
        wanted += float((ours.sigmoid() - (ours - 0.5).sigmoid()).square().mean((1, 2)).sum())
    assert found == pytest.approx(3.0 * wanted / 4.0, rel=1e-4)
    assert found > 0


@torch.no_grad()
def test_features_are_compared_in_units_of_the_teacher(teacher, frames):
    distillation = Distillation(teacher, teacher, CONFIG)
    distillation.projection.weight.zero_()
    distillation.projection.bias.zero_()
    features = distillation.teacher_features(frames)
    # A student that says nothing misses all of the teacher's mean square, whatever that is, of both frames.
    assert float(distillation.feature_loss(torch.zeros_like(features), features)) == pytest.approx(2 * 2.0)


def test_the_teacher_is_neither_trained_nor_saved(teacher):
    distillation = Distillation(teacher, build_model("rapsam_nano", classifier="synth"), CONFIG)
    assert set(distillation.state_dict()) == {"projection.weight", "projection.bias"}
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_a_run_with_a_teacher_goes_on_bit_by_bit(tmp_path):
    world = write_tiny_world(tmp_path / "world")
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text() + '\n[distill]\nmodel = "rapsam_nano"\ncheckpoint = "formula"\n')
    ends = []
    for name, epochs in (("straight", ()), ("stopped", ("--set", "save_every=5"))):
        run = tmp_path / name
        done = run_training(recipe, "--data", world, "--out", run, *epochs)
        assert done.returncode == 0, done.stderr
        if epochs:
            for part in ("step-00000020",):
                _remove(run / "checkpoints" / part)
            (run / "weights.safetensors").unlink()
            assert (run / "checkpoints" / "step-00000015" / "beside.safetensors").exists()
            done = run_training("--data", world, "--resume", run)
            assert done.returncode == 0, done.stderr
        ends.append(safetensors.torch.load_file(run / "weights.safetensors"))
        assert "distill_masks" in (run / "log.jsonl").read_text()
    one, other = ends
    assert all(torch.equal(one[name], other[name]) for name in one)


def _remove(folder):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
