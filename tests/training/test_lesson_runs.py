"""Runs with a lesson through the command line: teacher, student, prompts in the loop, and what is refused."""

from __future__ import annotations

import shutil

import pytest
import safetensors.torch
import torch

from rapsam.data.synth.world import World
from rapsam.data.synth.write_world import write_world
from rapsam.models.build import build_model
from rapsam.models.checkpoint import write_safetensors
from rapsam.models.weight_facts import read_facts
from rapsam.training.embeddings import EmbeddingStore
from rapsam.training.recipe_files import load_recipe
from rapsam.training.run.folder import recipe_of
from rapsam.training.run.log import read_log
from tests.cli.cli_runs import assert_refused, rapsam
from tests.data.sources.tiny_sets import REGION_MASKS, write_sa1b_image
from tests.training.tiny_run import run_training

TEACHER, STUDENT = "repvit_sam_nano", "edge_sam_nano"
IMAGES, STEPS = 4, 6
FEW = (
    *("--accelerator", "cpu", "--set", "data.height=64", "--set", "data.width=64", "--set", "data.workers=0"),
    *("--set", "data.batch_size=2", "--set", "epochs=3", "--set", "save_every=2", "--set", "keep=9"),
    *("--set", "data.test_sides=[64,64]", "--set", "data.min_prompt_area=8", "--set", "data.prompts=2"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Four images that are not square: every sample has padding."""
    folder = tmp_path_factory.mktemp("data") / "world"
    write_world(folder, World(images=IMAGES, videos=1, seed=5, size=(48, 64), num_frames=2))
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """Weights that follow from a formula: what a student makes of them is all that is looked at."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    model = build_model(TEACHER, checkpoint="formula")
    write_safetensors(path, model.state_dict(), {})
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where all runs keep the teacher's embeddings."""
    return tmp_path_factory.mktemp("kept") / "embeddings"


@pytest.fixture(scope="module")
def lesson(world, teacher, kept):
    """Starts a run with a recipe of a student."""

    def start(recipe, run, *more):
        return rapsam(
            *("train", recipe, "--data", world, "--out", run, "--teacher", teacher, "--embeddings", kept),
            *(*FEW, *more),
        )

    return start


@pytest.fixture(scope="module")
def encoded(lesson, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "encoded"
    done = lesson("sam-nano-encoder", run)
    assert done.code == 0, done.err
    assert f"embeddings by {TEACHER} (" in done.err
    assert f"0 of {IMAGES} are in" in done.err
    return run


def _weights(run):
    return safetensors.torch.load_file(run / "weights.safetensors")


def _same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_an_encoder_learns_and_the_rest_is_the_teachers(encoded, teacher):
    found, theirs = _weights(encoded), safetensors.torch.load_file(teacher)
    for name in found:
        if not name.startswith("image_encoder."):
            assert torch.equal(found[name], theirs[name]), name
    (entry,) = read_log(encoded)
    assert (entry.step, set(entry.losses)) == (STEPS, {"embedding"})
    facts = read_facts(encoded / "weights.safetensors")
    assert (facts.model, facts.vocabulary, facts.sides) == (STUDENT, None, (64, 64))
    model = build_model(STUDENT, checkpoint=encoded / "weights.safetensors")
    assert model.test_sides(video=False) == (64, 64)


def test_prompts_in_the_loop_go_on_from_there_with_the_same_embeddings(encoded, lesson, kept, tmp_path):
    made = {path: path.stat().st_mtime_ns for path in kept.rglob("*.safetensors")}
    assert len(made) == IMAGES
    done = lesson("sam-nano-prompts", tmp_path / "run", "--checkpoint", encoded / "weights.safetensors")
    assert done.code == 0, done.err
    assert "embeddings by" not in done.err
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("*.safetensors")} == made
    before, after = _weights(encoded), _weights(tmp_path / "run")
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"image_encoder", "mask_decoder"}
    assert "warning: the encoder starts" not in done.err
    assert "answers prompts with other weights" not in done.err
    assert set(read_log(tmp_path / "run")[0].losses) == {"mask_bce", "mask_dice"}


def test_both_recipes_take_regions_of_sa1b(teacher, tmp_path):
    for number in range(2):
        write_sa1b_image(tmp_path / "data/sa1b/sa_000020", number, REGION_MASKS)
    (tmp_path / "data/sa1b/train.txt").write_text("sa_000020/sa_0.jpg\nsa_000020/sa_1.jpg\n")
    source = '[{"task": "points", "kind": "sa1b", "folder": "sa1b", "resize": [1.0, 1.0]}]'
    taught = ("--teacher", teacher, "--embeddings", tmp_path / "kept", "--data", tmp_path / "data")
    for recipe in ("sam-nano-encoder", "sam-nano-prompts"):
        run = tmp_path / recipe
        done = rapsam("train", recipe, "--out", run, *taught, *FEW, "--set", f"data.sources={source}")
        assert done.code == 0, done.err
        assert not (run / "skipped.txt").exists()
        assert recipe_of(run).data.sources[0].kind == "sa1b"
    assert len(list((tmp_path / "kept").rglob("*.safetensors"))) == 2


def test_a_teacher_learns_from_annotations(world, tmp_path):
    done = rapsam("train", "sam-nano-teacher", "--data", world, "--out", tmp_path / "run", *FEW)
    assert done.code == 0, done.err
    assert read_facts(tmp_path / "run" / "weights.safetensors").model == TEACHER
    assert build_model(TEACHER, checkpoint=tmp_path / "run" / "weights.safetensors").weights.trained


@pytest.mark.parametrize("recipe", ["sam-nano-encoder", "sam-nano-prompts"])
def test_a_resumed_run_ends_with_the_same_weights(recipe, lesson, world, tmp_path):
    run = tmp_path / "run"
    done = lesson(recipe, run, "--set", "ema_decay=0.9")
    assert done.code == 0, done.err
    straight = _weights(run)
    for later in ("step-00000004", "step-00000006"):
        shutil.rmtree(run / "checkpoints" / later)
    (run / "weights.safetensors").unlink()
    again = rapsam("train", "--resume", run, "--data", world, "--accelerator", "cpu")
    assert again.code == 0, again.err
    assert _same(_weights(run), straight)
    assert recipe_of(run).lesson.teacher.sha256 is not None


def test_what_may_not_have_been_meant_is_said_at_the_start(lesson, tmp_path):
    done = lesson("sam-nano-prompts", tmp_path / "run", "--set", "optimiser.warmup_steps=6")
    assert done.code == 0, done.err
    level = lesson(
        *("sam-nano-encoder", tmp_path / "level", "--set", "optimiser.warmup_steps=6"),
        *("--set", "optimiser.warmup_start=1.0"),
    )
    assert level.code == 0, level.err
    assert "warning:" not in level.err
    for says in (
        "warning: the encoder starts from random weights, on which the teacher's decoder can answer nothing",
        "warning: the learning rate grows for 6 steps, and the run has 6: it never gets to its height",
    ):
        assert says in done.err
    # What has learnt to answer itself loses that: the teacher's decoder takes its place.
    start = ("--checkpoint", tmp_path / "run" / "weights.safetensors")
    again = lesson("sam-nano-encoder", tmp_path / "again", *start, "--set", "optimiser.warmup_steps=5")
    assert again.code == 0, again.err
    assert "weights.safetensors answers prompts with other weights than the teacher" in again.err
    assert "warning:" not in again.err
    frozen = lesson(
        *("sam-nano-encoder", tmp_path / "frozen", "--set", "batch_statistics=none", "--teacher", "formula"),
        *("--embeddings", tmp_path / "kept"),
    )
    assert frozen.code == 0, frozen.err
    assert "warning: the teacher has weights that have learnt nothing (formula (untrained))" in frozen.err
    assert "batch_statistics = 'none' keeps its batch norms from learning" in frozen.err


@pytest.mark.parametrize(
    "recipe", ["sam-nano-prompts", pytest.param("sam-nano-teacher", marks=pytest.mark.slow)]
)
def test_two_processes_learn_from_masks_what_one_does(recipe, world, teacher, tmp_path):
    taught = ("--teacher", teacher, "--embeddings", tmp_path / "kept") if recipe == "sam-nano-prompts" else ()
    entries, moments = [], []
    for processes in (1, 2):
        run = tmp_path / f"run-{processes}"
        done = run_training(
            *(recipe, "--data", world, "--out", run, *taught, *FEW[2:], "--processes", processes),
            # One step, so that the moments are a tenth of the gradient; of batch norms that learn each
            # process on a CPU has its own.
            *("--set", "epochs=0.5", "--set", "batch_statistics=none", "--set", "optimiser.warmup_steps=0"),
        )
        assert done.returncode == 0, done.stderr
        entries += read_log(run)
        state = safetensors.torch.load_file(run / "checkpoints/step-00000001/optimiser.safetensors")
        moments.append({name: value for name, value in state.items() if name.endswith("/exp_avg")})
    one, two = entries
    assert one.step == two.step == 1
    assert two.losses == pytest.approx(one.losses, rel=1e-4)
    assert two.grad_norm == pytest.approx(one.grad_norm, rel=1e-3)
    assert moments[0].keys() == moments[1].keys()
    largest = max(float(value.abs().max()) for value in moments[0].values())
    assert largest > 0
    for name, value in moments[0].items():
        torch.testing.assert_close(moments[1][name], value, rtol=1e-2, atol=1e-4 * largest, msg=name)


def test_two_processes_share_embeddings_and_lose_what_one_loses(world, teacher, tmp_path):
    entries = []
    for processes in (1, 2):
        run, kept = tmp_path / f"run-{processes}", tmp_path / f"kept-{processes}"
        done = run_training(
            *("sam-nano-encoder", "--data", world, "--out", run, "--teacher", teacher, "--embeddings", kept),
            *(*FEW[2:], "--processes", processes, "--set", "optimiser.lr=1e-7"),
            # Of batch norms that learn each process on a CPU has its own.
            *("--set", "batch_statistics=none"),
        )
        assert done.returncode == 0, done.stderr
        assert len(list(kept.rglob("*.safetensors"))) == IMAGES
        entries += read_log(run)
    one, two = entries
    assert two.losses == pytest.approx(one.losses, rel=1e-4)


def test_a_run_goes_on_from_another_folder(world, teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(teacher.parent)
    named = ("--teacher", teacher.name, "--embeddings", "kept-here")
    done = rapsam("train", "sam-nano-encoder", "--data", world, "--out", tmp_path / "run", *named, *FEW)
    assert done.code == 0, done.err
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-00000006")
    (tmp_path / "run" / "weights.safetensors").unlink()
    monkeypatch.chdir(tmp_path)
    again = rapsam("train", "--resume", tmp_path / "run", "--data", world, "--accelerator", "cpu")
    assert again.code == 0, again.err
    assert not (tmp_path / "kept-here").exists()


def test_a_run_goes_on_with_no_other_teacher(lesson, world, teacher, tmp_path):
    mine = shutil.copy(teacher, tmp_path / "mine.safetensors")
    run = tmp_path / "run"
    kept = tmp_path / "kept"
    assert lesson("sam-nano-encoder", run, "--teacher", mine, "--embeddings", kept).code == 0
    state = safetensors.torch.load_file(mine)
    state["mask_decoder.iou_token"] += 1
    safetensors.torch.save_file(state, mine)
    assert_refused(
        rapsam("train", "--resume", run, "--data", world), "holds other weights than the teacher had"
    )
    other = lesson("sam-nano-encoder", tmp_path / "other", "--teacher", mine, "--embeddings", kept)
    assert_refused(other, f"{kept} holds embeddings of {TEACHER}", "or another folder with --embeddings")
    assert not (tmp_path / "other").exists()


def test_an_interrupted_teacher_goes_on_with_the_same_command(lesson, tmp_path, monkeypatch):
    run, kept, written = tmp_path / "run", tmp_path / "kept", EmbeddingStore.write

    def interrupted(store, place, image, embedding):
        if place.number == 2:
            raise KeyboardInterrupt
        written(store, place, image, embedding)

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddingStore, "write", interrupted)
        stopped = lesson("sam-nano-encoder", run, "--embeddings", kept)
    assert stopped.code == 130, stopped.err
    assert "the embeddings that are done are kept: the same command goes on from there" in stopped.err
    again = lesson("sam-nano-encoder", run, "--embeddings", kept)
    assert again.code == 0, again.err
    assert f"2 of {IMAGES} are in {kept}" in again.err


def test_a_loss_that_is_no_number_leaves_its_batch(lesson, encoded, tmp_path):
    start = ("--checkpoint", encoded / "weights.safetensors", "--set", "optimiser.lr=1e30")
    done = lesson("sam-nano-prompts", tmp_path / "run", *start)
    assert done.code == 2, done.err
    (path,) = (tmp_path / "run").glob("failed-batch-*.safetensors")
    assert str(path) in done.err.splitlines()[-1]
    tensors = safetensors.torch.load_file(path)
    assert {name.partition("/")[2] for name in tensors} == {
        "frames",
        "masks",
        "points",
        "labels",
        "embedding",
    }


def test_an_altered_embedding_ends_a_run(lesson, tmp_path):
    kept, run = tmp_path / "kept", tmp_path / "run"
    assert lesson("sam-nano-encoder", run, "--embeddings", kept).code == 0
    path = sorted(kept.rglob("*.safetensors"))[0]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    again = lesson("sam-nano-encoder", tmp_path / "again", "--embeddings", kept)
    assert again.code == 2, again.err
    assert again.err.splitlines()[-1].startswith(f"error: {path} was altered")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--teacher", "no.safetensors"), "no.safetensors"),
        (("--teacher", "nowhere"), "unknown checkpoint 'nowhere'"),
        (
            ("--teacher", "formula", "--teacher-model", "mobile_sam"),
            "data.height 64 for mobile_sam, which takes images of 1024x1024; expected --set data.height=1024",
        ),
        (("--set", "model=mobile_sam"), "data.height 64 for mobile_sam, which takes images of 1024x1024"),
        (
            ("--teacher", "formula", "--teacher-model", "edge_sam_nano", "--set", "model=rapsam_nano"),
            "model rapsam_nano answers no points on an image embedding",
        ),
        (
            ("--teacher", "nano-synth", "--teacher-model", "rapsam_nano"),
            "model rapsam_nano answers no points on an image embedding; take one that does",
        ),
        (("--set", "model=rapsam_nano"), "model rapsam_nano answers no points on an image embedding"),
        (("--set", "model=rapsam_nono"), "unknown model 'rapsam_nono'"),
        (("--set", "lesson.kind=annotations"), "lesson.kind 'annotations'; expected none for its teacher"),
        (("--set", "data.flip=0.5"), "expected data.flip = 0"),
        (("--set", "data.width=96"), "expected data.height equal to data.width"),
        (("--set", "data.label_set=synth"), "the network names no classes"),
        (("--backbone", "resnet50.pth"), "--backbone for edge_sam_nano, which takes none"),
        (("--classifier", "c.safetensors"), "--classifier for edge_sam_nano, which takes none"),
        (("--qat", "onnx-w8a8"), "--qat for sam-nano-encoder, whose networks are trained in float only"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_one_line(more, says, lesson, tmp_path):
    kept = ("--embeddings", tmp_path / "kept")
    assert_refused(lesson("sam-nano-encoder", tmp_path / "run", *kept, *more), says)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "kept").exists()


def test_a_teacher_that_is_not_named_is_asked_for(world, teacher, tmp_path):
    start = ("train", "sam-nano-encoder", "--data", world, "--out", tmp_path / "run")
    assert_refused(rapsam(*start), "learns from a teacher, repvit_sam_nano; expected --teacher FILE")
    assert_refused(rapsam(*start, "--teacher", teacher), "expected --embeddings DIR")
    for recipe in ("nano-synth", "sam-nano-teacher"):
        said = rapsam("train", recipe, "--data", world, "--out", tmp_path / "run", "--teacher", teacher)
        assert_refused(said, f"a teacher for {recipe}, which learns from none")


def test_videos_are_no_whole_images(lesson, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'base = "sam-nano-encoder"\nname = "mine"\n[[data.sources]]\ntask = "points"\nresize = [1.0, 1.0]\n'
        'kind = "youtube_vis_2019"\nfolder = "youtube_vis"\n'
    )
    kept = ("--embeddings", tmp_path / "kept")
    assert_refused(lesson(recipe, tmp_path / "run", *kept), "has videos; expected images for task 'points'")


def test_points_are_for_lessons(world, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'base = "nano-synth"\nname = "mine"\n[[data.sources]]\ntask = "points"\nresize = [1.0, 1.0]\n'
        'kind = "coco_panoptic"\nfolder = "."\n'
    )
    run = ("--data", world, "--out", tmp_path / "run")
    assert_refused(rapsam("train", recipe, *run), "expected a recipe with a lesson for it")


def test_the_recipes_are_those_of_the_published_phases():
    encoder, prompts = load_recipe("sam-encoder"), load_recipe("sam-prompts")
    assert (encoder.model, encoder.lesson.teacher.model) == ("edge_sam", "sam_vit_h")
    assert (encoder.lesson.kind, prompts.lesson.kind) == ("embedding", "prompts")
    assert (encoder.epochs, prompts.epochs) == (10, 5)
    ours = encoder.optimiser
    assert ours.lr == pytest.approx(0.1 * encoder.data.batch_size / 512)
    assert ours.lr * ours.final_factor == pytest.approx(5e-6 * encoder.data.batch_size / 512)
    assert (ours.weight_decay, ours.clip_norm, ours.betas) == (0.01, 5.0, (0.9, 0.999))
    second = prompts.optimiser
    assert second.lr == pytest.approx(3.2e-3 * prompts.data.batch_size / 512)
    assert second.lr * second.final_factor == pytest.approx(3.2e-4 * prompts.data.batch_size / 512)
    assert (second.weight_decay, second.clip_norm, second.warmup_steps) == (0.05, 0.01, 0)
    assert (prompts.data.prompts, prompts.data.box_prompts, prompts.lesson.rounds) == (16, 0.5, 2)
    assert (prompts.lesson.bce_weight, prompts.lesson.dice_weight) == (5.0, 5.0)
