"""`rapsam predict`: segments images, folders of images and videos, with a checkpoint or a bundle."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, load_model, numbers
from rapsam.cli.console import StepLog
from rapsam.errors import InputError, RapSamError

if TYPE_CHECKING:
    from rapsam.cli.predict_one import Predictor

SUMMARY = "Segment images, folders or videos with a checkpoint or a bundle; write overlays, PNG and JSON."
EXAMPLE = "rapsam predict photo.jpg --bundle bundles/pixel-8 --point 320,200 --out results"
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
BAD_INPUT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="image, video, or folder of images"
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="bundle to run, in place of --model")
    add_model_options(parser, required=False)
    parser.add_argument("--point", action="append", default=[], metavar="X,Y", help="prompt; may be repeated")
    parser.add_argument(
        "--box", action="append", default=[], metavar="X1,Y1,X2,Y2", help="prompt; may be repeated"
    )
    parser.add_argument(
        "--min-score", type=float, default=0.5, metavar="S", help="videos: leave out weaker instances; 0.5"
    )
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--json", action="store_true", help="print the written files as JSON")


def run(options: argparse.Namespace) -> int:
    """Segments every input; one that cannot be used does not stop the others."""
    points = [numbers(text, 2, "point") for text in options.point]
    boxes = [numbers(text, 4, "box") for text in options.box]
    if not 0 <= options.min_score <= 1:
        raise InputError(f"--min-score {options.min_score}; expected 0 to 1")
    inputs = _named_inputs(options.inputs)
    log = StepLog()
    log("loading")
    predictor = _predictor(options)
    written: dict[str, list[str]] = {}
    failed = 0
    for name, path in inputs.items():
        log(str(path))
        try:
            if path.suffix.lower() in VIDEO_SUFFIXES:
                files = predictor.video(path, options.out, name, (points, boxes), options.min_score, log)
            else:
                files = predictor.image(path, options.out, name, points, boxes)
        except RapSamError as error:
            if len(inputs) == 1:
                raise
            failed += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        written[str(path)] = [str(file) for file in files]
    if options.json:
        print(json.dumps(written, indent=2))
    else:
        for names in written.values():
            print("\n".join(names))
    if failed:
        print(f"{failed} of {len(inputs)} inputs could not be used", file=sys.stderr)
    return BAD_INPUT if failed else 0


def _predictor(options: argparse.Namespace) -> Predictor:
    from rapsam.cli.predict_one import bundle_predictor, model_predictor

    if (options.bundle is None) == (options.model is None):
        raise InputError("expected either --bundle DIR or --model NAME (with --checkpoint FILE)")
    if options.bundle is not None:
        if options.checkpoint or options.classifier:
            raise InputError("--checkpoint and --classifier go with --model; a bundle has its own weights")
        return bundle_predictor(options.bundle)
    if options.checkpoint is None:
        print("no checkpoint: weights by formula, untrained; the masks will mean nothing", file=sys.stderr)
    return model_predictor(load_model(options))


def _named_inputs(paths: Sequence[Path]) -> dict[str, Path]:
    """Lists all inputs, folders opened, under the names that their results will have."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
            if not found:
                raise InputError(f"folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)})")
            files += found
        else:
            files.append(path)
    stems = [file.stem for file in files]
    # Where two files share a stem (photo.jpg, photo.png), the suffix tells their results apart.
    named = {file.stem if stems.count(file.stem) == 1 else file.name: file for file in files}
    if len(named) < len(files):
        raise InputError("two inputs have the same file name; their results would overwrite each other")
    return named
