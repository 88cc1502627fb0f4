"""Reading what a user types: sizes, prompts, and the options that several verbs share."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.errors import InputError, quoted, shortened

if TYPE_CHECKING:
    from rapsam.cli.console import StepLog
    from rapsam.models.network import SegmentationNetwork

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
"""Python's own readers would also take digits of other scripts, and underscores between them."""
_SHOWN = 80


def image_size(text: str) -> tuple[int, int]:
    """Reads "HxW", as in "480x640": height, then width.

    Raises:
        InputError: If the text is anything else.
    """
    match = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", text)
    if not match:
        raise InputError(f"size {quoted(text)}; expected HEIGHTxWIDTH in pixels, such as 480x640")
    return int(match[1]), int(match[2])


def model_name(text: str) -> str:
    """Reads the name of a variant; for argparse, so that a misspelt one is told before what is missing.

    Raises:
        InputError: If there is no such variant.
    """
    from rapsam.models.families import family_of

    family_of(text)
    return text


def device_name(text: str) -> str:
    """Reads the name of a phone, as `model_name` does that of a variant.

    Raises:
        InputError: If the catalogue has no such phone.
    """
    from rapsam.export.devices import find_device

    return find_device(text).id


def decimal(text: str) -> float:
    """Reads one number in ASCII digits; for argparse, so that an error is a `ValueError`."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def whole_number(text: str) -> int:
    """Reads one whole number in ASCII digits; for argparse, so that an error is a `ValueError`."""
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def numbers(text: str, count: int, what: str, more: str = "") -> tuple[float, ...]:
    """Reads finite numbers with commas between, as in "120,80".

    Args:
        text: What was typed.
        count: Of numbers, 2 or 4.
        what: They are, for the error.
        more: That may be typed, for the error.

    Raises:
        InputError: If there are not exactly `count` of them, or one is not finite.
    """
    parts = [part.strip(" ") for part in text.split(",")]
    names = ",".join(("x", "y") if count == 2 else ("x1", "y1", "x2", "y2"))
    if len(parts) != count or not all(map(_NUMBER.fullmatch, parts)):
        further = f", {more}" if more else ""
        raise InputError(f"{what} {quoted(text)}; expected {names} in pixels of the image{further}")
    values = tuple(map(float, parts))
    if not all(map(math.isfinite, values)):
        raise InputError(
            f"{what} {shortened(text, _SHOWN)} is not a place; expected {names} in pixels of the image"
        )
    return values


def add_model_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Adds --model, --checkpoint and --classifier."""
    parser.add_argument(
        "--model",
        type=model_name,
        required=required,
        metavar="NAME",
        help="variant; 'rapsam models' lists them",
    )
    add_weight_options(parser)


def add_weight_options(parser: argparse.ArgumentParser) -> None:
    """Adds --checkpoint and --classifier."""
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help=".safetensors or published .pth, or nano-synth, the weights of rapsam_nano that come with this "
        "tool; without one: weights by formula, which have learnt nothing",
    )
    parser.add_argument(
        "--classifier",
        metavar="FILE|NAME",
        help="text classifier file, or a vocabulary: coco_panoptic, ytvis_2019, joint, synth; default: what "
        "the weights were trained with, if they say so, else coco_panoptic",
    )


def check_kept(path: Path, *, overwrite: bool, otherwise: str = "choose another --out") -> None:
    """Keeps an older file, unless the user says otherwise.

    Args:
        path: To be written.
        overwrite: Whether the user gave `--overwrite`.
        otherwise: What else they can do.

    Raises:
        InputError: If it exists and may not be replaced.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; add --overwrite to replace it, or {otherwise}")


def load_model(options: argparse.Namespace, log: StepLog) -> SegmentationNetwork:
    """Builds the network that the model options name, and says where its results will mean nothing."""
    from rapsam.models.build import FORMULA, build_model

    log(f"loading {options.model}")
    checkpoint = FORMULA if options.checkpoint is None else options.checkpoint
    model = build_model(options.model, checkpoint=checkpoint, classifier=options.classifier, note=log.note)
    if checkpoint == FORMULA:
        log.note("weights by formula, untrained: the masks will mean nothing")
    elif model.text_classifier and model.text_classifier.origin.meaningless:
        log.note("no classifier file: text prototypes by formula; the classes will mean nothing")
    return model
