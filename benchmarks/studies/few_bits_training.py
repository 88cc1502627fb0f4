"""Trains the shipped weights for few bits, as a user would: `rapsam train --qat`."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import rapsam.training
from rapsam.benchmarks.studies.few_bits_rows import RowPlan
from rapsam.errors import UnavailableError
from rapsam.training.run.folder import WEIGHTS_NAME

RECIPE = "nano-synth-qat"
SEED = 1
"""Of the world to train on: that of the shipped weights."""
# With the recipe's repeats 12000 samples, of which it sees 600.
_WORLD = ("--images", "3800", "--videos", "100", "--seed", str(SEED), "--split", "train")


def trained_weights(work: Path, weights: str, export_recipe: str) -> Path:
    """Trains weights for an export recipe; what the working folder has is taken, a run that stopped goes on.

    Args:
        work: Gets the world and the run.
        weights: To start from, as in `--checkpoint`.
        export_recipe: As in `--qat`.

    Returns:
        The file of the trained weights.

    Raises:
        UnavailableError: If a step fails; it has said why.
    """
    world, run = work / f"world-train-{SEED}", work / f"trained-{export_recipe}-{training_sha256()[:8]}"
    made = run / WEIGHTS_NAME
    if made.exists():
        return made
    if not (world / "synth_train.json").exists():
        _rapsam("data", "synth", "--out", world, *_WORLD)
    if (run / "checkpoints").exists():
        _rapsam("train", "--resume", run, "--data", world)
    else:
        shutil.rmtree(run, ignore_errors=True)  # stopped before anything was kept
        start = ("--checkpoint", weights, "--qat", export_recipe)
        _rapsam("train", RECIPE, "--data", world, "--out", run, *start)
    return made


def trained_with(row: RowPlan) -> str:
    """Says how the weights of a row are trained; empty if they are not."""
    return f"{RECIPE}, source {training_sha256()[:8]}" if row.trained else ""


@cache
def training_sha256() -> str:
    """Hashes the code and the recipes that decide what training makes."""
    root, digest = Path(rapsam.training.__path__[0]), hashlib.sha256()
    for file in sorted(each for each in root.rglob("*") if each.suffix in (".py", ".toml")):
        digest.update(f"{file.relative_to(root).as_posix()} {len(file.read_bytes())} ".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _rapsam(*line: str | Path) -> None:
    if subprocess.run([sys.executable, "-m", "rapsam", *map(str, line)], stdout=sys.stderr).returncode:
        raise UnavailableError(f"rapsam {line[0]} failed; see above why")
