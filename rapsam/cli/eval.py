"""`rapsam eval`: scores a checkpoint, or a bundle in a runtime, on annotated data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, load_model
from rapsam.cli.console import StepLog, print_table
from rapsam.errors import InputError
from rapsam.files import check_writable

if TYPE_CHECKING:
    from rapsam.data.sources.annotated import AnnotatedSource
    from rapsam.evaluation.scores import Scores
    from rapsam.evaluation.subject import Subject

SUMMARY = "Score a checkpoint, or a bundle in any runtime, on annotated data; write JSON and a table."
EXAMPLE = "rapsam eval --bundle bundles/onnx --data world --kind coco_panoptic --split val"
TASKS = ("images", "prompts", "videos")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="bundle to run, in place of --model")
    parser.add_argument("--runtime", metavar="NAME", help="runtime of the bundle; default: the first that works")
    add_model_options(parser, required=False)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--kind", default="coco_panoptic", metavar="NAME", help="format; default coco_panoptic")
    parser.add_argument("--split", default="val", metavar="NAME", help="default: val")
    parser.add_argument("--task", choices=TASKS, default="images", help="default: images")
    parser.add_argument(
        "--limits",
        default="1333,800",
        metavar="LONG,SHORT",
        help="PyTorch: images are resized to fit these sides; default 1333,800",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N images or videos only")
    parser.add_argument("--out", type=Path, default=Path("eval.json"), metavar="FILE", help="default: eval.json")


def run(options: argparse.Namespace) -> int:
    """Evaluates; an interrupted evaluation goes on when it is started again."""
    _check(options)
    from rapsam.data.sources.kinds import open_source
    from rapsam.evaluation.report import report_of, write_report
    from rapsam.evaluation.run import evaluate

    log = StepLog()
    source = open_source(options.kind, options.data, options.split)
    subject = _subject(options, log)
    log(f"{subject.name} in {subject.runtime} on {source.name}")
    results, faults = evaluate(
        subject,
        source,
        _scores(options.task, subject),
        limit=options.limit,
        unfinished=options.out.with_suffix(".unfinished.json"),
        progress=lambda done, total: log.still(f"{done} of {total}"),
    )
    report = report_of(subject, source, options.task, results, faults)
    write_report(options.out, report)
    print_table(f"{subject.name} in {subject.runtime}", ("figure", "value"), report.rows())
    if faults:
        print(f"{len(faults)} could not be used; the first: {faults[0]}")
    print(options.out)
    return 0


def _check(options: argparse.Namespace) -> None:
    if (options.bundle is None) == (options.model is None):
        raise InputError("expected --bundle DIR, or --model NAME with --checkpoint FILE, and not both")
    if options.runtime is not None and options.bundle is None:
        raise InputError("--runtime beside --model; a checkpoint runs in PyTorch: leave it out")
    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit {options.limit}; expected at least 1")
    check_writable(options.out.parent)


def _subject(options: argparse.Namespace, log: StepLog) -> Subject:
    from rapsam.cli.arguments import numbers
    from rapsam.evaluation.subject import bundle_subject, model_subject

    if options.bundle is not None:
        return bundle_subject(options.bundle, options.runtime)
    long_side, short_side = (int(side) for side in numbers(options.limits, 2, "limits"))
    return model_subject(load_model(options, log), (long_side, short_side))


def _scores(task: str, subject: Subject) -> Scores:
    from rapsam.evaluation.scores import ImageScores, PromptScores, VideoScores

    if task == "prompts":
        return PromptScores()
    if task == "videos":
        return VideoScores(subject.labels.num_things)
    return ImageScores(len(subject.labels.labels), subject.labels.num_things)
