"""`rapsam predict`: segments images, videos and folders of them, with a checkpoint or a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, load_model, numbers
from rapsam.cli.console import StepLog, say, show, show_json
from rapsam.errors import InputError, RapSamError
from rapsam.files import check_writable

if TYPE_CHECKING:
    from rapsam.cli.predict_one import Predictor

SUMMARY = "Segment images, videos or folders with a checkpoint or a bundle; write overlays, PNG and JSON."
EXAMPLE = "rapsam predict photo.jpg --bundle bundles/pixel-8 --point 320,200 --out results"
BAD_INPUT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="image, video, or folder of these"
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="bundle to run, in place of --model")
    add_model_options(parser, required=False)
    parser.add_argument(
        "--point", action="append", default=[], metavar="X,Y", help="prompt for images; may be repeated"
    )
    parser.add_argument(
        "--box", action="append", default=[], metavar="X1,Y1,X2,Y2", help="prompt; may be repeated"
    )
    parser.add_argument(
        "--min-score",
        type=float,
        default=0.5,
        metavar="S",
        help="videos: leave out instances with a lower score, 0 to 1; default 0.5",
    )
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--json", action="store_true", help="print the written files, and errors, as JSON")


def run(options: argparse.Namespace) -> int:
    """Segments every input; one that cannot be used does not stop the others."""
    from rapsam.cli.predict_inputs import is_video, named_inputs

    points = [numbers(text, 2, "point") for text in options.point]
    boxes = [numbers(text, 4, "box") for text in options.box]
    _check_choices(options)
    inputs = named_inputs(options.inputs)
    log = StepLog()
    predictor = _predictor(options, log)
    predictor.check_task("prompt" if points or boxes else "panoptic")
    written: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for name, path in inputs.items():
        log(str(path))
        try:
            if is_video(path):
                files = predictor.video(path, options.out, name, (points, boxes), options.min_score, log)
            else:
                files = predictor.image(path, options.out, name, points, boxes, log)
        except RapSamError as error:
            if len(inputs) == 1:
                raise
            failed[str(path)] = str(error)
            say(f"error: {error}")
            continue
        written[str(path)] = [str(file) for file in files]
    _print_results(options, written, failed)
    return BAD_INPUT if failed else 0


def _check_choices(options: argparse.Namespace) -> None:
    if not 0 <= options.min_score <= 1:
        raise InputError(f"--min-score {options.min_score}; expected 0 to 1")
    if options.bundle is None and options.model is None:
        raise InputError("no network given; expected --bundle DIR, or --model NAME with --checkpoint FILE")
    if options.bundle is not None:
        for name in ("model", "checkpoint", "classifier"):
            if getattr(options, name) is not None:
                raise InputError(f"--{name} beside --bundle; a bundle has its own weights: leave one out")
    check_writable(options.out)


def _predictor(options: argparse.Namespace, log: StepLog) -> Predictor:
    from rapsam.cli.predict_one import bundle_predictor, model_predictor

    if options.bundle is None:
        return model_predictor(load_model(options, log))
    log(f"loading {options.bundle}")
    predictor = bundle_predictor(options.bundle)
    if not predictor.trained:
        log.note("the bundle's weights are untrained, made by a formula: the masks will mean nothing")
    return predictor


def _print_results(
    options: argparse.Namespace, written: dict[str, list[str]], failed: dict[str, str]
) -> None:
    if options.json:
        show_json({"written": written, "failed": failed})
    else:
        for names in written.values():
            show(*names)
    if failed:
        count = len(written) + len(failed)
        say(f"{len(failed)} of {count} inputs could not be used")
