"""Whole runs through the command line with something wrong: an error of one line, or another sample."""

import json
import shutil
import subprocess

import pytest
import safetensors.torch
from PIL import Image

from rapsam.errors import InputError
from rapsam.models.build import build_model
from rapsam.training.recipe_files import load_recipe
from rapsam.training.run.log import read_log
from rapsam.training.session import open_samples
from tests.data.sources.tiny_sets import edit_json
from tests.training.tiny_run import (
    run_training,
    train_command,
    write_tiny_world,
)


def test_few_file_descriptors_are_refused_in_one_line(world, recipe, tmp_path):
    run = tmp_path / "run"
    script = (
        "import resource\n"
        "from rapsam.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n"
        f"main({['train', str(recipe), '--data', str(world), '--out', str(run), '--accelerator', 'cpu']!r})\n"
    )
    done = subprocess.run([train_command()[0], "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stderr.startswith("error: a process may open 32 files here")
    assert done.stderr.count("\n") == 1
    assert not run.exists()


def test_a_broken_image_is_replaced_and_counted(recipe, tmp_path):
    world = write_tiny_world(tmp_path / "world")
    broken = sorted((world / "train2017").iterdir())[0]
    broken.write_bytes(broken.read_bytes()[:300])
    run = tmp_path / "run"
    done = run_training(recipe, "--data", world, "--out", run)
    assert done.returncode == 0, done.stderr
    # Once as image and once as prompts in each of the four epochs.
    assert read_log(run)[-1].skipped >= 8
    lines = (run / "skipped.txt").read_text().splitlines()
    assert len(lines) == read_log(run)[-1].skipped
    assert all(broken.name in line and line.startswith("step ") for line in lines)
    assert f"{len(lines)} samples could not be used; others took their place" in done.stdout
    assert "faulty annotations" not in done.stdout


def test_samples_with_faulty_annotations_left_out_are_used_and_counted(recipe, tmp_path):
    world = write_tiny_world(tmp_path / "world")

    def change(content):
        for segment in content["annotations"][0]["segments_info"][:2]:
            segment["category_id"] = None

    edit_json(world / "annotations/panoptic_train2017.json", change)
    run = tmp_path / "run"
    done = run_training(recipe, "--data", world, "--out", run)
    assert done.returncode == 0, done.stderr
    last = read_log(run)[-1]
    # Once as image and once as prompts in each of the four epochs; prompts may need another try.
    assert last.incomplete >= 8
    assert last.skipped == 0
    assert len((run / "skipped.txt").read_text().splitlines()) == 2
    assert f"{last.incomplete} samples were used with faulty annotations left out" in done.stdout
    assert "could not be used" not in done.stdout


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_batch(world, recipe, tmp_path):
    run = tmp_path / "run"
    done = run_training(
        recipe,
        "--data",
        world,
        "--out",
        run,
        "--set",
        "optimiser.lr=1e30",
        "--set",
        "optimiser.clip_norm=1e30",
    )
    assert done.returncode == 2
    assert "is no number" in done.stderr
    assert "Traceback" not in done.stderr
    kept = list(run.glob("failed-batch-*.safetensors"))
    assert len(kept) == 1
    with safetensors.safe_open(kept[0], "pt") as file:
        names = json.loads(file.metadata()["samples"])
        assert len(names) == 2
        assert file.get_tensor("0/frames").shape[1:] == (3, 64, 64)


def test_all_parts_of_a_step_are_kept_when_its_gradient_is_no_number(world, recipe, tmp_path):
    """The losses are numbers to the end of the step: what overflows is their sum of squares."""
    run = tmp_path / "run"
    huge = ("loss.bce_weight", "loss.dice_weight", "loss.class_weight")
    done = run_training(
        *(recipe, "--data", world, "--out", run, "--set", "optimiser.accumulate=2"),
        *(part for name in huge for part in ("--set", f"{name}=1e25")),
    )
    assert done.returncode == 2, done.stderr
    assert "step 1: the gradient is no number" in done.stderr
    (kept,) = run.glob("failed-batch-*.safetensors")
    with safetensors.safe_open(kept, "pt") as file:
        assert len(json.loads(file.metadata()["samples"])) == 4
        assert any(name.endswith("/taught") for name in file.keys())  # noqa: SIM118 (no mapping)


def test_a_process_without_samples_ends_the_others_in_one_line(world, recipe, tmp_path):
    """Process 0 gets a video, process 1 twenty broken images in a row."""
    broken = shutil.copytree(world, tmp_path / "world")
    for image in (broken / "train2017").iterdir():
        image.write_bytes(image.read_bytes()[:100])
    text = recipe.read_text().replace('kind = "coco_panoptic"', 'kind = "coco_panoptic"\nrepeat = 50')
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    seed = next(seed for seed in range(500) if _first_two(mine, seed, broken) == [True, False])
    done = run_training(
        mine, "--data", broken, "--out", tmp_path / "run", "--processes", 2, "--set", f"seed={seed}"
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "20 samples of coco_panoptic train in a row could not be used" in done.stderr


def _first_two(recipe, seed, world):
    """Whether the first two samples of a run can be made."""
    config = load_recipe(recipe, [f"seed={seed}"])
    samples = open_samples(config, world, build_model("rapsam_nano", classifier="synth"))
    return [_is_made(samples, number) for number in range(2)]


def _is_made(samples, number):
    try:
        samples[number]
    except InputError:
        return False
    return True


def test_a_full_disk_keeps_the_last_good_checkpoint(world, recipe, tmp_path):
    run = tmp_path / "run"
    # No file may grow beyond 3 MB from the second checkpoint on: what a full disk does to a write.
    script = (
        "import resource, sys, threading, time\n"
        "from pathlib import Path\n"
        "def watch():\n"
        f"    while not (Path({str(run)!r}) / 'checkpoints' / 'step-00000010').exists(): time.sleep(0.01)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        "from rapsam.cli.main import main\n"
        f"main({['train', str(recipe), '--data', str(world), '--out', str(run), '--accelerator', 'cpu']!r})\n"
    )
    done = subprocess.run([train_command()[0], "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["step-00000000", "step-00000010"]
    assert run_training("--data", world, "--resume", run).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such", "--out", "x"], "recipe"),
        (["nano-synth"], "--out"),
        (["nano-synth", "--out", "x", "--set", "optimiser.rate=1"], "rate"),
        (["nano-synth", "--out", "x", "--set", "data.batch_size=0"], "batch_size"),
        (["nano-synth", "--out", "x", "--resume", "y"], "--resume"),
        (["--resume", "nowhere"], "recipe.json"),
        (["nano-synth", "--out", "x", "--set", "data.batch_size=1000000000"], "batch_size"),
        (["nano-synth", "--out", "x", "--checkpoint", "nano-synht"], "did you mean nano-synth"),
        (["nano-synth", "--out", "x", "--classifier", "none.pth"], "expected a text classifier file"),
    ],
)
def test_a_wrong_call_is_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_training(*arguments, "--data", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_run_does_not_start_in_a_folder_with_files(world, recipe, tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "holiday.png")
    done = run_training(recipe, "--data", world, "--out", tmp_path)
    assert done.returncode == 2
    assert "exists already" in done.stderr
