"""Trains a toy teacher, then a student by both recipes of docs/training.md; scores them on a held-out world.

    python -m rapsam.benchmarks.studies.sam_distillation --work runs/distillation

All is drawn and trained here, on one thread, by the commands that a user would type. Whatever the working
folder has already is kept: an interrupted study goes on where it stopped. Table and picture are written by
`rapsam.benchmarks.report.tables`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, now_utc, write_records
from rapsam.benchmarks.studies.distillation_records import (
    COMMAND,
    FILE,
    ByImage,
    HeldOut,
    Leg,
    LossAt,
    SamDistillation,
    ScoresAt,
)
from rapsam.benchmarks.studies.distillation_scores import Answers, held_out_images, scored
from rapsam.errors import RapSamError, UnavailableError
from rapsam.files import check_writable
from rapsam.machine import this_machine
from rapsam.training.recipe_files import load_recipe
from rapsam.training.run.folder import WEIGHTS_NAME, check_unstarted, recipe_of
from rapsam.training.run.log import read_log
from rapsam.training.run.state import WEIGHTS, checkpoints_of

RECIPES = ("sam-nano-teacher", "sam-nano-encoder", "sam-nano-prompts")
"""Of the teacher, of the student's encoder, and of the student with prompts in the loop."""
DRAWN = ("--images", "8000", "--size", "128x128", "--seed", "1")
HELD_OUT = HeldOut(seed=3, images=64, side=128)
"""Nothing was chosen by what this seed shows."""
SAVE_EVERY, KEEP = 50, 1000
"""All checkpoints stay: they are scored."""
THREADS = 1


def main() -> None:
    """Does what the working folder lacks, and writes the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="world, embeddings and runs")
    parser.add_argument("--out", type=Path, default=FILE, help="results file")
    options = parser.parse_args()
    try:
        check_writable(options.out.parent)
        write_records(options.out, study(options.work))
    except RapSamError as error:
        parser.error(str(error))


def study(work: Path, held_out: HeldOut = HELD_OUT, changes: Sequence[str] = ()) -> SamDistillation:
    """Draws, trains and scores.

    Args:
        work: Folder of world, embeddings and runs; what it holds is not made again.
        held_out: Images to score on.
        changes: Of all recipes, as in `rapsam train --set`.

    Raises:
        InputError: Before the work, if the folder cannot be written, or other files lie where a run has to.
        UnavailableError: If one of the commands fails.
    """
    _check(work)
    world = work / "world"
    if not (world / "synth_train.json").exists():
        _rapsam("data", "synth", "--out", world, "--workers", THREADS, *DRAWN)
    runs = [work / recipe for recipe in RECIPES]
    taught = ("--teacher", runs[0] / WEIGHTS_NAME, "--embeddings", work / "embeddings")
    started = {0: (), 1: taught, 2: (*taught, "--checkpoint", runs[1] / WEIGHTS_NAME)}
    for place, run in enumerate(runs):
        _train(run, world, started[place], changes)
    images = held_out_images(held_out)
    teacher = Answers.of(_model(RECIPES[0]), runs[0] / WEIGHTS_NAME, images)
    trained, looped = (
        Answers.of(_model(run.name), checkpoints_of(run)[-1] / WEIGHTS, images).by_image(images, teacher)
        for run in runs[1:]
    )
    return SamDistillation(
        schema_version=SCHEMA_VERSION,
        command=COMMAND,
        created_utc=now_utc(),
        machine=this_machine(),
        threads=THREADS,
        drawn=" ".join(DRAWN),
        held_out=held_out,
        prompts=sum(len(image.masks) for image in images),
        teacher_alone=teacher.truth(images),
        teacher=_leg(runs[0], ()),
        encoder=_leg(runs[1], scored(_model(RECIPES[1]), checkpoints_of(runs[1]), images, teacher)),
        in_the_loop=_leg(runs[2], scored(_model(RECIPES[2]), checkpoints_of(runs[2]), images, teacher)),
        by_image=ByImage(encoder=trained, in_the_loop=looped),
    )


def _check(work: Path) -> None:
    check_writable(work)
    for run in (work / recipe for recipe in RECIPES):
        if run.exists() and not checkpoints_of(run):
            check_unstarted(run)


def _train(run: Path, world: Path, start: Sequence[object], changes: Sequence[str]) -> None:
    if (run / WEIGHTS_NAME).exists():
        return
    if checkpoints_of(run):
        _rapsam("train", "--resume", run, "--data", world, "--accelerator", "cpu")
        return
    settings = ("data.workers=0", f"save_every={SAVE_EVERY}", f"keep={KEEP}", *changes)
    sets = [part for setting in settings for part in ("--set", setting)]
    _rapsam("train", run.name, "--data", world, "--out", run, "--accelerator", "cpu", *start, *sets)


def _leg(run: Path, held_out: Sequence[ScoresAt]) -> Leg:
    log, recipe = read_log(run), recipe_of(run)
    before = [0, *(entry.step for entry in log)]
    seconds = sum(
        (entry.step - last) * recipe.data.batch_size / entry.samples_per_s
        for entry, last in zip(log, before, strict=False)
    )
    return Leg(
        recipe=run.name,
        model=recipe.model,
        batch_size=recipe.data.batch_size,
        steps=log[-1].step,
        minutes=round(seconds / 60, 2),
        losses=tuple(LossAt(step=entry.step, loss=entry.loss) for entry in log),
        held_out=tuple(held_out),
    )


def _model(recipe: str) -> str:
    return load_recipe(recipe).model


def _rapsam(*arguments: object) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    done = subprocess.run([sys.executable, "-m", "rapsam", *map(str, arguments)], env=environment)
    if done.returncode:
        raise UnavailableError(f"rapsam {arguments[0]} ended with exit code {done.returncode}; see above why")


if __name__ == "__main__":
    main()
