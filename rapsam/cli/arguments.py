"""Reading what a user types: sizes, prompts, and the options that several verbs share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.models.rapsam.model import RapSam


def image_size(text: str) -> tuple[int, int]:
    """Reads "HxW", as in "480x640": height, then width.

    Raises:
        InputError: If the text is anything else.
    """
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not match:
        raise InputError(f"size {text!r}; expected HEIGHTxWIDTH in pixels, such as 480x640")
    return int(match[1]), int(match[2])


def numbers(text: str, count: int, what: str) -> tuple[float, ...]:
    """Reads numbers with commas between, as in "120,80".

    Raises:
        InputError: If there are not exactly `count` of them.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        names = ("x", "y") if count == 2 else ("x1", "y1", "x2", "y2")
        raise InputError(f"{what} {text!r}; expected {','.join(names)} in pixels of the image")
    return values


def add_model_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Adds --model, --checkpoint and --classifier."""
    parser.add_argument(
        "--model", required=required, metavar="NAME", help="variant; 'rapsam models' lists them"
    )
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


def load_model(options: argparse.Namespace, progress: Callable[[str], None]) -> RapSam:
    """Builds the network that the model options name, and says where its results will mean nothing."""
    from rapsam.models.build import FORMULA, build_model
    from rapsam.models.classifier_file import FORMULA_ORIGIN

    progress(f"loading {options.model}")
    checkpoint = FORMULA if options.checkpoint is None else options.checkpoint
    model = build_model(options.model, checkpoint=checkpoint, classifier=options.classifier, note=progress)
    if checkpoint == FORMULA:
        progress("no checkpoint: weights by formula, untrained; the masks will mean nothing")
    elif model.text_classifier.origin == FORMULA_ORIGIN:
        progress("no classifier file: text prototypes by formula; the classes will mean nothing")
    return model
