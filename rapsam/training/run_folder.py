"""The folder of a run: its recipe, checkpoints, log and, in the end, its weights."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rapsam.errors import InputError
from rapsam.files import check_new_folder, write_atomic
from rapsam.models.checkpoint import write_safetensors
from rapsam.models.classifier_file import FORMULA_ORIGIN, LEARNT_FORMULA_ORIGIN
from rapsam.models.rapsam.model import RapSam
from rapsam.models.weight_facts import WeightFacts
from rapsam.training.config import RunConfig

RECIPE_NAME = "recipe.json"
WEIGHTS_NAME = "weights.safetensors"
_BY_FORMULA = (FORMULA_ORIGIN, LEARNT_FORMULA_ORIGIN)


def start_run(run: Path, config: RunConfig) -> None:
    """Makes the folder of a new run and writes its recipe.

    Raises:
        InputError: If the folder holds files.
    """
    check_new_folder(run)
    write_atomic(run / RECIPE_NAME, msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")


def recipe_of(run: Path) -> RunConfig:
    """Reads the recipe of a run that was started.

    Raises:
        InputError: If the folder holds none, or it is damaged.
    """
    path = run / RECIPE_NAME
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected the folder of a run that was started before")
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunConfig)
    except msgspec.MsgspecError as error:
        raise InputError(f"{path} is damaged: {error}; start a new run") from error


def write_weights(run: Path, model: RapSam, config: RunConfig) -> Path:
    """Writes the weights that a run ended with, ready for `--checkpoint`."""
    path = run / WEIGHTS_NAME
    classifier, sides = model.text_classifier, sorted((config.data.height, config.data.width))
    facts = WeightFacts(
        model=model.name,
        vocabulary=classifier.label_set.name if classifier.origin in _BY_FORMULA else None,
        sides=(sides[1], sides[0]),
    )
    write_safetensors(path, model.state_dict(), facts.as_metadata())
    return path
