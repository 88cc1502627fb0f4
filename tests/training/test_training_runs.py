"""Whole runs through the command line: what a killed run, a second process or a bad image changes."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image

from rapsam.data.synth.world import World
from rapsam.data.synth.write_world import write_world
from rapsam.models.classifier_file import write_classifier
from rapsam.models.origins import Prototypes
from rapsam.models.text_classifier import TextClassifier
from rapsam.models.weight_facts import read_facts
from rapsam.tasks.labels import find_label_set
from rapsam.training.run.folder import locked_run
from rapsam.training.run.log import read_log
from tests.cli.cli_runs import rapsam
from tests.data.sources.tiny_sets import edit_json
from tests.training.tiny_run import (
    LIKE_NANO_SYNTH,
    LIKE_PUBLISHED,
    STEPS,
    run_training,
    train_command,
)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, world, recipe):
    """A run that nothing disturbed."""
    run = tmp_path_factory.mktemp("runs") / "straight"
    done = run_training(recipe, "--data", world, "--out", run)
    assert done.returncode == 0, done.stderr
    return run


def _weights(run):
    return safetensors.torch.load_file(run / "weights.safetensors")


def _same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _wait_for_checkpoint(process, run, name):
    deadline = time.monotonic() + 300
    while not (run / "checkpoints" / name).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_leaves_weights_log_and_checkpoints(straight):
    assert sorted(path.name for path in (straight / "checkpoints").iterdir()) == [
        "step-00000010",
        "step-00000020",
    ]
    entries = read_log(straight)
    assert [entry.step for entry in entries] == [STEPS]
    assert set(entries[0].losses) == {
        "class", "mask_bce", "mask_dice", "prompt_bce", "prompt_dice", "prompt_iou",
    }  # fmt: skip
    assert all(value > 0 for value in entries[0].losses.values())
    assert list((straight / "tensorboard").iterdir())


def test_the_weights_of_a_run_are_the_averaged_ones(straight):
    last = straight / "checkpoints" / "step-00000020"
    average = safetensors.torch.load_file(last / "average.safetensors")
    weights = safetensors.torch.load_file(last / "weights.safetensors")
    found = _weights(straight)
    assert all(torch.equal(found[name], average[f"module.{name}"]) for name in found)
    assert not _same(found, {name: weights[name] for name in found})


def test_gradients_are_clipped(world, recipe, tmp_path):
    """Adam takes steps of any gradient, unless it was clipped to less than its epsilon."""
    moved = []
    for limit in ("1.0", "1e-14"):
        run = tmp_path / limit
        done = run_training(
            *(recipe, "--data", world, "--out", run, "--set", f"optimiser.clip_norm={limit}"),
            *("--set", "optimiser.weight_decay=0", "--set", "epochs=0.4", "--set", "keep=9"),
        )
        assert done.returncode == 0, done.stderr
        first, last = (
            safetensors.torch.load_file(run / "checkpoints" / step / "weights.safetensors")
            for step in ("step-00000000", "step-00000002")
        )
        moved.append(max(float((first[name] - last[name]).abs().max()) for name in first))
    assert moved[0] > 1e-4
    assert moved[1] < 1e-8


def test_curves_are_drawn_by_the_command_line(straight, tmp_path):
    run = shutil.copytree(straight, tmp_path / "run")
    done = rapsam("plot", run)
    assert done.code == 0, done.err
    assert "curves.png" in done.out
    assert Image.open(run / "curves.png").size[0] > 500


def test_a_finished_run_without_a_log_says_where_its_weights_are(world, straight, tmp_path):
    run = shutil.copytree(straight, tmp_path / "run")
    (run / "log.jsonl").unlink()
    done = run_training("--data", world, "--resume", run)
    assert done.returncode == 0, done.stderr
    assert "weights.safetensors" in done.stdout


def test_what_a_killed_writer_left_is_removed(world, straight, tmp_path):
    run = shutil.copytree(straight, tmp_path / "run")
    left = run / "checkpoints" / ".step-00000030.rapsam-ab12cd34"
    left.mkdir()
    (left / "weights.safetensors").write_bytes(b"half")
    assert run_training("--data", world, "--resume", run).returncode == 0
    assert not left.exists()


def test_a_copy_of_a_checkpoint_is_its_owners(world, straight, tmp_path):
    """Neither removed as too old nor gone on from, whatever begins like our names."""
    run = shutil.copytree(straight, tmp_path / "run")
    first, last = sorted((run / "checkpoints").iterdir())
    shutil.rmtree(last)
    for name in ("step-00000003-best", "step-00000010.bak", "step-99", "step-best"):
        shutil.copytree(first, run / "checkpoints" / name)
    (run / "checkpoints" / "step-99999999").symlink_to(first)
    done = run_training("--data", world, "--resume", run)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        *("step-00000003-best", "step-00000010", "step-00000010.bak", "step-00000020"),
        *("step-99", "step-99999999", "step-best"),
    ]
    assert _same(_weights(run), _weights(straight))


def test_two_processes_do_not_train_one_run(world, recipe, tmp_path):
    run = tmp_path / "run"
    process, children = _started_with_a_loading_process(world, recipe, run)
    scratch = run / "checkpoints" / ".step-00000030.rapsam-ab12cd34"
    scratch.mkdir()
    second = run_training("--data", world, "--resume", run)
    assert second.returncode == 2, second.stderr
    assert "another process is training" in second.stderr.splitlines()[-1]
    assert "Traceback" not in second.stderr
    assert scratch.is_dir()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    # At once, though its loading process lives for some seconds more.
    with locked_run(run):
        assert children


def test_a_checkpoint_of_another_version_is_refused(world, straight, tmp_path):
    run = shutil.copytree(straight, tmp_path / "run")
    edit_json(
        run / "checkpoints" / "step-00000020" / "state.json", lambda state: state.update(schema_version=9)
    )
    done = run_training("--data", world, "--resume", run)
    assert done.returncode == 2
    assert "schema version 9; expected 1" in done.stderr


def test_a_run_warns_of_what_it_will_not_learn(world, recipe, tmp_path):
    few = ("--set", "epochs=0.2", "--set", "data.label_set=synth")
    other = shutil.copytree(world, tmp_path / "world")
    annotation = other / "annotations" / "panoptic_train2017.json"
    edit_json(annotation, lambda content: content["categories"][0].update(name="heaven"))
    done = run_training(recipe, "--data", other, "--out", tmp_path / "run", *few)
    assert done.returncode == 0, done.stderr
    assert "warning: the backbone starts from random weights" in done.stderr
    assert "warning: 1 of 20 classes of coco_panoptic train are unknown to the network" in done.stderr
    assert "heaven" in done.stderr
    assert "warning: the learning rate grows for 4 steps, and the run has 1" in done.stderr
    settled = run_training(
        *(recipe, "--data", world, "--out", tmp_path / "settled", *few),
        *("--set", "batch_statistics=all", "--set", "optimiser.warmup_steps=0"),
    )
    assert settled.returncode == 0, settled.stderr
    assert "warning" not in settled.stderr


def test_ten_steps_kill_and_ten_more_are_twenty(world, recipe, straight, tmp_path):
    run = tmp_path / "killed"
    process = subprocess.Popen(
        train_command(recipe, "--data", world, "--out", run), stderr=subprocess.DEVNULL
    )
    _wait_for_checkpoint(process, run, "step-00000010")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (run / "weights.safetensors").exists()
    done = run_training("--data", world, "--resume", run)
    assert done.returncode == 0, done.stderr
    assert _same(_weights(run), _weights(straight))
    assert json.loads((run / "recipe.json").read_text()) == json.loads((straight / "recipe.json").read_text())


@pytest.mark.parametrize(
    "changes",
    [LIKE_NANO_SYNTH, LIKE_PUBLISHED, ("--qat", "onnx-w8a8")],
    ids=["nano-synth", "published", "few bits"],
)
def test_recipes_of_the_package_go_on_bit_by_bit_too(changes, world, recipe, tmp_path):
    ends = []
    for name in ("straight", "resumed"):
        run = tmp_path / name
        done = run_training(
            *(recipe, "--data", world, "--out", run, *changes),
            *("--set", "save_every=3", "--set", "epochs=2", "--set", "keep=9"),
        )
        assert done.returncode == 0, done.stderr
        if name == "resumed":
            for later in sorted((run / "checkpoints").iterdir())[2:]:
                shutil.rmtree(later)
            assert sorted((run / "checkpoints").iterdir())[-1].name == "step-00000003"
            (run / "weights.safetensors").unlink()
            again = run_training("--data", world, "--resume", run)
            assert again.returncode == 0, again.stderr
        ends.append(_weights(run))
    assert _same(*ends)


def test_a_run_goes_on_with_what_it_started_from(world, recipe, straight, tmp_path):
    """Even one that was killed before its first step: the weights that were given are in no recipe."""
    start = straight / "weights.safetensors"
    ends = []
    for name in ("straight", "resumed"):
        run = tmp_path / name
        done = run_training(
            *(recipe, "--data", world, "--out", run, "--checkpoint", start),
            *("--set", "epochs=0.4", "--set", "keep=9"),
        )
        assert done.returncode == 0, done.stderr
        if name == "resumed":
            shutil.rmtree(run / "checkpoints" / "step-00000002")
            (run / "weights.safetensors").unlink()
            assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000000"]
            assert run_training("--data", world, "--resume", run).returncode == 0
        ends.append(_weights(run))
    assert _same(*ends)


def test_a_run_without_a_checkpoint_is_not_resumed(world, straight, tmp_path):
    shutil.copytree(straight, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    done = run_training("--data", world, "--resume", tmp_path / "run")
    assert done.returncode == 2
    assert "no checkpoint to go on from" in done.stderr


def test_a_run_does_not_go_on_with_other_data(straight, tmp_path):
    shutil.copytree(straight, tmp_path / "run")
    other = tmp_path / "other"
    write_world(other, World(images=5, videos=2, seed=6, size=(64, 64), num_frames=4))
    done = run_training("--data", other, "--resume", tmp_path / "run")
    assert done.returncode == 2
    assert "go on with the same data" in done.stderr


def test_a_classifier_file_is_kept_for_the_resumption(world, recipe, tmp_path):
    classifier = tmp_path / "mine.safetensors"
    labels = find_label_set("synth")
    prototypes = torch.nn.functional.normalize(
        torch.randn(len(labels.labels), 1, 768, generator=torch.Generator().manual_seed(3)), dim=-1
    )
    write_classifier(classifier, TextClassifier(prototypes, labels, Prototypes(origin="file", name="mine")))
    run = tmp_path / "run"
    few = ["--set", "epochs=0.4", "--set", "keep=9"]
    first = run_training(recipe, "--data", world, "--out", run, "--classifier", classifier, *few)
    assert first.returncode == 0, first.stderr
    before = _weights(run)
    shutil.rmtree(run / "checkpoints" / "step-00000002")
    (run / "weights.safetensors").unlink()
    assert run_training("--data", world, "--resume", run).returncode == 0
    assert _same(_weights(run), before)
    # Its prototypes are no part of the weights, which therefore do not promise any vocabulary.
    assert read_facts(run / "weights.safetensors").vocabulary is None


def test_an_interrupted_run_saves_its_state_first(world, recipe, straight, tmp_path):
    run = tmp_path / "interrupted"
    process = subprocess.Popen(train_command(recipe, "--data", world, "--out", run), stderr=subprocess.PIPE)
    _wait_for_checkpoint(process, run, "step-00000000")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    assert f"go on with: rapsam train --resume {run} --data {world}\n" in stderr.decode()
    assert list((run / "checkpoints").glob("step-*"))
    assert run_training("--data", world, "--resume", run).returncode == 0
    assert _same(_weights(run), _weights(straight))


def _started_with_a_loading_process(world, recipe, run):
    """Starts a long run and waits until it takes steps; gives it and its loading processes."""
    many = ["--set", "epochs=4000", "--set", "data.workers=1"]
    process = subprocess.Popen(
        train_command(recipe, "--data", world, "--out", run, *many),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _wait_for_checkpoint(process, run, "step-00000010")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return process, [int(child) for child in children]


def test_ctrl_c_for_the_whole_terminal_lets_the_step_end(world, recipe, tmp_path):
    process, _ = _started_with_a_loading_process(world, recipe, tmp_path / "run")
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    last = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1]
    assert int(last.name.removeprefix("step-")) >= 10


def test_a_loading_process_that_is_killed_is_an_error_of_one_line(world, recipe, tmp_path):
    process, children = _started_with_a_loading_process(world, recipe, tmp_path / "run")
    for child in children:
        os.kill(child, signal.SIGKILL)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 2, stderr
    assert b"error: a process that loads data was killed" in stderr.splitlines()[-1]
    assert b"Traceback" not in stderr


def test_two_processes_lose_what_one_loses(world, recipe, tmp_path):
    # Small steps: a pixel that flips in a hard mask would make runs of equal worth part.
    few = ["--set", "epochs=0.6", "--set", "optimiser.lr=1e-7"]
    entries = []
    for processes in (1, 2):
        run = tmp_path / f"processes-{processes}"
        done = run_training(recipe, "--data", world, "--out", run, "--processes", processes, *few)
        assert done.returncode == 0, done.stderr
        entries += read_log(run)
    one, two = entries
    assert one.step == two.step == 3
    assert two.losses == pytest.approx(one.losses, rel=1e-4)
    assert two.grad_norm == pytest.approx(one.grad_norm, rel=1e-3)


def test_a_run_that_was_started_is_not_to_be_removed(world, recipe, straight):
    done = run_training(recipe, "--data", world, "--out", straight)
    assert done.returncode == 2
    assert f"go on with --resume {straight}" in done.stderr
