"""`rapsam predict`: segments images, videos and folders of them, with a checkpoint or a bundle."""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, load_model
from rapsam.cli.console import StepLog, say, show, show_json
from rapsam.cli.predict_everything import add_everything_arguments, everything_spec
from rapsam.cli.predict_prompts import OPTIONS, add_prompt_arguments, objects_of, typed_prompts
from rapsam.cli.predict_results import (
    CANDIDATES,
    EVERYTHING,
    FILMED,
    LOGITS,
    PANOPTIC,
    PROMPTED,
    check_apart,
    check_length,
    check_new,
    remove_old_scratch,
    results_together,
)
from rapsam.errors import BundleError, InputError, RapSamError
from rapsam.files import check_writable

if TYPE_CHECKING:
    from rapsam.cli.predict_files import Asked
    from rapsam.cli.predict_inputs import Listing
    from rapsam.cli.predict_prompts import Typed
    from rapsam.inference.segmenter import Segmenter

SUMMARY = "Segment images, videos or folders with a checkpoint or a bundle; write overlays, PNG and JSON."
EXAMPLE = "rapsam predict photo.jpg --bundle bundles/pixel-8 --point 320,200 --out results"
BAD_INPUT = 2
_SHOWN_SKIPS = 20


@dataclass(frozen=True)
class Report:
    """What became of the inputs, by path: files written, why it failed, why it was not read."""

    written: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="image, video, or folder of these"
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="bundle to run, in place of --model")
    add_model_options(parser, required=False)
    add_prompt_arguments(parser)
    add_everything_arguments(parser)
    parser.add_argument(
        "--min-score",
        type=float,
        default=0.5,
        metavar="S",
        help="videos: leave out instances with a lower score, 0 to 1; default 0.5",
    )
    parser.add_argument("--recursive", action="store_true", help="read the subfolders of folders too")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results of earlier runs; without it they are kept"
    )
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--json", action="store_true", help="print the written files, and errors, as JSON")


def run(options: argparse.Namespace) -> int:
    """Segments every input; one that cannot be used does not stop the others."""
    from rapsam.cli.predict_inputs import list_inputs

    typed = typed_prompts(options)
    _check_choices(options)
    listing = list_inputs(options.inputs, recursive=options.recursive)
    planned = _planned(options, listing)
    log = StepLog()
    segmenter = _segmenter(options, log)
    asked = _asked(segmenter, typed, options)
    report = Report(skipped={str(path): reason for path, reason in listing.skipped.items()})
    for name, path in listing.named.items():
        log(str(path))
        place, stem = (options.out / name).parent, Path(name).name
        try:
            plan = planned[path]
            if isinstance(plan, RapSamError):
                raise plan
            with results_together(place, overwrite=options.overwrite) as scratch:
                files = _predict(segmenter, path, scratch, stem, plan, asked, log)
        except RapSamError as error:
            if len(listing.named) == 1 and not listing.skipped:
                raise
            report.failed[str(path)] = str(error)
            where = "" if str(path) in str(error) else f"{path}: "
            say(f"error: {where}{error}")
            continue
        report.written[str(path)] = [str(place / file.name) for file in files]
    _print_report(options, report)
    return BAD_INPUT if report.failed else 0


def _planned(options: argparse.Namespace, listing: Listing) -> dict[Path, tuple[str, ...] | RapSamError]:
    """Finds out which results each input will have, and refuses what can be known before any work.

    Returns:
        For each input the endings of its results, or why it cannot be used.

    Raises:
        InputError: If results are in the way of each other, of inputs or of earlier results, if a video
            has prompts, or if the only input cannot be used.
    """
    from rapsam.cli.predict_inputs import is_video

    prompted = _is_prompted(options)
    planned: dict[Path, tuple[str, ...] | RapSamError] = {}
    results: dict[Path, list[Path]] = {}
    for name, path in listing.named.items():
        try:
            kind = FILMED if is_video(path) else _image_results(options)
            files = [options.out / f"{name}.{ending}" for ending in kind]
            check_length(path, files)
        except RapSamError as error:
            if len(listing.named) == 1:
                raise
            planned[path] = error
            continue
        if prompted and kind is FILMED:
            raise InputError(
                f"{path} is a video; prompts work on images only, and so does --everything: leave them out, "
                "or the video"
            )
        planned[path], results[path] = kind, files
    check_apart(results, listing.folders, recursive=options.recursive)
    check_new(results, overwrite=options.overwrite)
    remove_old_scratch({file.parent for files in results.values() for file in files})
    return planned


def _is_prompted(options: argparse.Namespace) -> bool:
    return options.everything or any(getattr(options, name) for name in OPTIONS)


def _image_results(options: argparse.Namespace) -> tuple[str, ...]:
    """Returns the endings of the results of an image."""
    if options.everything:
        return EVERYTHING
    if not _is_prompted(options):
        return PANOPTIC
    return (*PROMPTED, *(CANDIDATES if options.multimask else ()), *(LOGITS if options.logits else ()))


def _check_choices(options: argparse.Namespace) -> None:
    if everything_spec(options) is not None:
        for name in OPTIONS:
            if getattr(options, name):
                raise InputError(f"--{name} beside --everything, which asks about a grid; leave one out")
    if not 0 <= options.min_score <= 1:
        raise InputError(f"--min-score {options.min_score}; expected 0 to 1")
    if options.bundle is None and options.model is None:
        raise InputError("no network given; expected --bundle DIR, or --model NAME with --checkpoint FILE")
    if options.bundle is not None:
        for name in ("model", "checkpoint", "classifier"):
            if getattr(options, name) is not None:
                raise InputError(f"--{name} beside --bundle; a bundle has its own weights: leave one out")
    check_writable(options.out)


def _segmenter(options: argparse.Namespace, log: StepLog) -> Segmenter:
    from rapsam.export.bundle.load import is_emulated, load_bundle
    from rapsam.inference.segmenter import model_segmenter

    if options.bundle is None:
        return model_segmenter(load_model(options, log))
    log(f"loading {options.bundle}")
    segmenter = load_bundle(options.bundle)
    if not segmenter.trained:
        log.note("the bundle's weights are untrained, made by a formula: the masks will mean nothing")
    if is_emulated(segmenter):
        log.note(
            f"run by {segmenter.runtime}: an interpreter of this toolkit stands in for the phone's runtime"
        )
    return segmenter


def _asked(segmenter: Segmenter, typed: tuple[Typed, ...], options: argparse.Namespace) -> Asked:
    """Tells before any image is read whether the network can do what is asked, and puts that together."""
    from rapsam.cli.predict_files import Asked
    from rapsam.inference.everything import check_everything
    from rapsam.tasks.prompt_set import PromptSet, check_prompts

    prompts, everything = PromptSet(()), everything_spec(options)
    if everything is not None:
        if segmenter.prompts is None:
            raise _lacking(segmenter, "prompt", "--everything needs", options.bundle)
        check_everything(segmenter.prompts, segmenter.name)
    elif typed and segmenter.prompts is not None:
        prompts = objects_of(typed, segmenter.prompts)
        check_prompts(prompts, segmenter.prompts)
        for name in ("multimask", "choose"):
            if getattr(options, name) and segmenter.prompts.candidates == 1:
                raise InputError(
                    f"--{name}: {segmenter.name} answers each prompt with one mask; leave it out"
                )
    elif typed:
        raise _lacking(segmenter, "prompt", "--point, --box and --mask need", options.bundle)
    elif segmenter.finder is None:
        what = "predicting without --point and --box needs"
        raise _lacking(segmenter, "panoptic", what, options.bundle)
    return Asked(
        prompts=prompts,
        multimask=options.multimask,
        choose=options.choose,
        logits=options.logits,
        everything=everything,
        min_score=options.min_score,
    )


def _lacking(segmenter: Segmenter, task: str, what: str, bundle: Path | None) -> RapSamError:
    can = ", ".join(segmenter.tasks)
    if bundle is None:
        return InputError(f"{segmenter.name} does only {can}; {what} {task!r}: take another model")
    ask = "ask with --point, --box or --everything, or " if segmenter.prompts is not None else ""
    wanted = " ".join(sorted({*segmenter.tasks, task}))
    return BundleError(
        f"the bundle was exported with the tasks {can}; {what} {task!r}: {ask}export it again with "
        f"--tasks {wanted}, if its model can"
    )


def _predict(
    segmenter: Segmenter, path: Path, out: Path, name: str, kind: tuple[str, ...], asked: Asked, log: StepLog
) -> list[Path]:
    """Predicts one input; returns the files written."""
    from rapsam.cli.predict_everything import predict_everything
    from rapsam.cli.predict_files import predict_image, predict_prompts, predict_video

    if kind is FILMED:
        return predict_video(segmenter, path, out, name, asked.min_score, log)
    if asked.everything is not None:
        return predict_everything(segmenter, path, out, name, asked.everything, log)
    if asked.prompts.prompts:
        return predict_prompts(segmenter, path, out, name, asked, log)
    return predict_image(segmenter, path, out, name, log)


def _print_report(options: argparse.Namespace, report: Report) -> None:
    """Prints the files, what was skipped, and last the counts and where to look first."""
    if options.json:
        show_json(report)
    else:
        for names in report.written.values():
            show(*names)
    for path, reason in itertools.islice(report.skipped.items(), _SHOWN_SKIPS):
        say(f"skipped {path}: {reason}")
    if len(report.skipped) > _SHOWN_SKIPS:
        say(f"skipped {len(report.skipped) - _SHOWN_SKIPS:,} more; --json lists them all")
    counts = {"done": len(report.written), "failed": len(report.failed), "skipped": len(report.skipped)}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    first = next(iter(report.written.values()), None)
    say(f"{said}; results in {options.out}: open {first[0]} first" if first else f"{said}; no results")
