"""The folder of a run: its recipe and, in the end, its weights; one process at a time works on it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from rapsam.errors import JSON_ERRORS, InputError, reason_of
from rapsam.files import check_new_folder, write_json
from rapsam.models.checkpoint import write_safetensors
from rapsam.models.classifier_file import write_classifier
from rapsam.models.network import SegmentationNetwork
from rapsam.models.text_classifier import TextClassifier
from rapsam.models.weight_facts import WeightFacts
from rapsam.training.config import RunConfig
from rapsam.training.run.state import checkpoints_of

RECIPE_NAME = "recipe.json"
WEIGHTS_NAME = "weights.safetensors"
CLASSIFIER_NAME = "classifier.safetensors"
LOCK_NAME = ".lock"


def start_run(run: Path, config: RunConfig, classifier: TextClassifier | None) -> None:
    """Makes the folder of a new run and writes its recipe, and the classifier unless it follows a formula.

    Raises:
        InputError: If the folder holds files.
    """
    check_unstarted(run)
    if classifier is not None and classifier.origin.origin != "formula":
        write_classifier(run / CLASSIFIER_NAME, classifier)
    write_json(run / RECIPE_NAME, config)


def check_unstarted(run: Path) -> None:
    """Tells whether a new run may be started in a folder: it holds nothing, or the lock of a run alone.

    Raises:
        InputError: If it holds a run or other files, or cannot be written.
    """
    if (run / RECIPE_NAME).is_file():
        raise InputError(f"{run} is a run already: go on with --resume {run}, or choose another --out")
    if not run.is_dir() or [path.name for path in run.iterdir()] != [LOCK_NAME]:
        check_new_folder(run)


def classifier_of(run: Path) -> Path | None:
    """Returns the classifier file that a run was started with; None for prototypes by formula."""
    path = run / CLASSIFIER_NAME
    return path if path.is_file() else None


def recipe_of(run: Path) -> RunConfig:
    """Reads the recipe of a run that was started.

    Raises:
        InputError: If the folder holds none, or it is damaged.
    """
    path = run / RECIPE_NAME
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected the folder of a run that was started before")
    if not checkpoints_of(run):
        raise InputError(f"{run} has no checkpoint to go on from; remove it and start the run again")
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunConfig)
    except JSON_ERRORS as error:
        raise InputError(f"{path} is damaged: {reason_of(error)}; start a new run") from error


def write_weights(run: Path, model: SegmentationNetwork, config: RunConfig) -> Path:
    """Writes the weights that a run ended with, ready for `--checkpoint`."""
    path = run / WEIGHTS_NAME
    classifier = model.text_classifier
    by_formula = classifier is not None and classifier.origin.origin == "formula"
    facts = WeightFacts(
        model=model.name,
        vocabulary=classifier.label_set.name if classifier and by_formula else None,
        sides=config.data.test_sides,
        trained_for=config.qat.recipe if config.qat else None,
    )
    write_safetensors(path, model.state_dict(), facts.as_metadata())
    return path


@contextmanager
def locked_run(run: Path) -> Iterator[None]:
    """Holds the lock of a run's folder, which is made if it is missing.

    The lock is the process's own: loading processes, which may outlive a killed trainer for seconds, do not
    inherit it.

    Raises:
        InputError: If another process holds it, or the folder cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = (run / LOCK_NAME).open("ab")
    except OSError as error:
        raise InputError(f"cannot write {run}: {error.strerror}; choose a folder of your own") from error
    with file:
        _lock(run, file)
        yield


def _lock(run: Path, file: IO[bytes]) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise InputError(
            f"another process is training {run}; wait for its end, or stop it first: it saves its state"
        ) from error
    except OSError as error:
        raise InputError(
            f"{run} cannot be locked: {error.strerror}; choose a folder on a file system with locks"
        ) from error
