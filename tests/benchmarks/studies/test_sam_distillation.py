"""The distillation study, on a world so small that nothing is learnt: every step of it, and nothing twice."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import rapsam.benchmarks.studies.sam_distillation as script
from rapsam.benchmarks.studies.distillation_records import HeldOut
from rapsam.benchmarks.studies.distillation_scores import Answers, held_out_images
from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.evaluation.run import evaluate
from rapsam.inference.segmenter import model_segmenter
from rapsam.models.build import build_model
from tests.cli.cli_runs import rapsam

HELD_OUT = HeldOut(seed=3, images=1, side=64)
CHANGES = (
    *("data.height=64", "data.width=64", "data.test_sides=[64,64]", "data.min_prompt_area=8"),
    *("data.batch_size=4", "epochs=1", "data.prompts=2"),
)


def _in_this_process(*arguments):
    done = rapsam(*arguments)
    assert done.code == 0, done.err


def test_it_trains_teacher_and_student_and_does_nothing_twice(monkeypatch, tmp_path):
    monkeypatch.setattr(script, "DRAWN", ("--images", "4", "--size", "64x64", "--seed", "1"))
    monkeypatch.setattr(script, "SAVE_EVERY", 1)
    # The same commands, but in this process: to start four takes longer than all that they do.
    monkeypatch.setattr(script, "_rapsam", _in_this_process)
    work = tmp_path / "work"
    found = script.study(work, HELD_OUT, CHANGES)
    assert [leg.recipe for leg in (found.teacher, found.encoder, found.in_the_loop)] == list(script.RECIPES)
    assert [leg.steps for leg in (found.teacher, found.encoder, found.in_the_loop)] == [1, 1, 1]
    assert all(leg.minutes >= 0 and leg.losses for leg in (found.teacher, found.encoder, found.in_the_loop))
    # Before the step, and after it.
    assert [scores.step for scores in found.encoder.held_out] == [0, 1]
    end, start = found.encoder.held_out[-1], found.in_the_loop.held_out[0]
    assert (start.truth, start.teacher, start.embedding_error) == (
        end.truth,
        end.teacher,
        end.embedding_error,
    )
    assert found.prompts == sum(len(image.masks) for image in held_out_images(HELD_OUT))

    for by_image, scores in (
        (found.by_image.encoder, end),
        (found.by_image.in_the_loop, found.in_the_loop.held_out[-1]),
    ):
        regions = [image.regions for image in by_image]
        assert sum(regions) == found.prompts
        for ours, theirs in (("truth", scores.truth), ("teacher", scores.teacher)):
            for prompt in ("click", "box"):
                means = [getattr(getattr(image, ours), prompt) for image in by_image]
                assert np.average(means, weights=regions) == pytest.approx(getattr(theirs, prompt))

    made = {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")}
    again = script.study(work, HELD_OUT, CHANGES)
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")} == made
    assert (again.encoder, again.in_the_loop) == (found.encoder, found.in_the_loop)


def test_a_folder_that_cannot_be_used_is_told_before_the_work(monkeypatch, tmp_path, capsys):
    worked = []
    monkeypatch.setattr(script, "_rapsam", lambda *arguments: worked.append(arguments))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is a file"):
        script.study(tmp_path / "file" / "work")
    (tmp_path / "work" / script.RECIPES[1]).mkdir(parents=True)
    (tmp_path / "work" / script.RECIPES[1] / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match=script.RECIPES[1]):
        script.study(tmp_path / "work")
    command = ["study", "--work", str(tmp_path / "new"), "--out", str(tmp_path / "file" / "out.json")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2
    assert "file is a file" in capsys.readouterr().err.splitlines()[-1]
    assert not worked


def test_scores_are_those_of_the_evaluation():
    model = build_model("edge_sam_nano", checkpoint="formula")
    images = held_out_images(HELD_OUT)
    answers = Answers.of("edge_sam_nano", "formula", images)
    results = evaluate(model_segmenter(model, (64, 64)), SynthImages(3, 1, (64, 64)), "prompts").results
    truth = answers.truth(images)
    np.testing.assert_allclose(truth.click, results["clicks"].mean_iou)
    np.testing.assert_allclose(truth.box, results["boxes"].mean_iou)
    own = answers.beside(answers)
    assert (own.click, own.box, answers.embedding_error(answers)) == (1.0, 1.0, 0.0)
