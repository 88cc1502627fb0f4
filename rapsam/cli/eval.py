"""`rapsam eval`: scores a checkpoint, or a bundle in a runtime, on annotated data."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, load_model
from rapsam.cli.console import StepLog, print_table, show
from rapsam.cli.counted_progress import counted_progress
from rapsam.errors import InputError, printable
from rapsam.files import check_writable

if TYPE_CHECKING:
    from rapsam.evaluation.subject import Subject

SUMMARY = "Score a checkpoint, or a bundle in any runtime, on annotated data; write JSON and a table."
MAX_SIDE = 4096
EXAMPLE = "rapsam eval --bundle bundles/onnx --data world --kind coco_panoptic --split val"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="bundle to run, in place of --model")
    parser.add_argument(
        "--runtime", metavar="NAME", help="runtime of the bundle; default: the first that works here"
    )
    add_model_options(parser, required=False)
    parser.add_argument(
        "--sides",
        metavar="LONG,SHORT",
        help="with --model: images are resized to fit these sides; default: those that the weights were "
        "trained with, else the published ones",
    )
    parser.add_argument(
        "--clip",
        type=int,
        metavar="N",
        help="with --model: frames of a video at a time, at most; default: as published; a bundle takes 1",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--kind", default="coco_panoptic", metavar="NAME", help="its format; default: coco_panoptic"
    )
    parser.add_argument("--split", metavar="NAME", help="default: val, or valid for youtube_vis_2019")
    parser.add_argument(
        "--task",
        metavar="NAME",
        help="panoptic (PQ, mask AP, mIoU), instances, prompts, tracks (tube AP) or video-panoptic (VPQ, "
        "STQ); default: the usual one of the format",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N images or videos only")
    parser.add_argument(
        "--out", type=Path, default=Path("eval.json"), metavar="FILE", help="default: eval.json"
    )


def run(options: argparse.Namespace) -> int:
    """Evaluates; an interrupted evaluation goes on when it is started again."""
    _check(options)
    from rapsam.data.sources.kinds import data_key, open_annotated, validation_split
    from rapsam.evaluation.report import report_of, write_report
    from rapsam.evaluation.run import evaluate
    from rapsam.evaluation.tasks import task_for

    log = StepLog()
    split = options.split or validation_split(options.kind)
    source = open_annotated(options.kind, options.data, split)
    task = task_for(options.kind, options.task)
    subject = _subject(options, task, log)
    log(f"{task}: {subject.name}, in {subject.runtime}, on {source.name}")
    unfinished = options.out.with_suffix(".unfinished.json")
    with counted_progress("images or videos") as report_progress:
        outcome = evaluate(
            subject,
            source,
            task,
            data_key=f"{split} of {data_key(options.kind, options.data, split)}",
            limit=options.limit,
            unfinished=unfinished,
            progress=report_progress,
        )
    if len(outcome.left_out) == outcome.clips:
        raise InputError(f"nothing could be scored; the first fault: {outcome.left_out[0]}")
    report = report_of(subject, source.name, outcome)
    write_report(options.out, report)
    unfinished.unlink(missing_ok=True)
    print_table(f"{task}: {subject.name}, in {subject.runtime}", ("figure", "value"), report.rows())
    if outcome.unknown_classes:
        names = printable(", ".join(outcome.unknown_classes))
        show(f"classes that the network does not have, taken as void: {names}")
    if outcome.left_out:
        show(f"{len(outcome.left_out)} could not be used; the first: {outcome.left_out[0]}")
    show(str(options.out))
    return 0


def _check(options: argparse.Namespace) -> None:
    if (options.bundle is None) == (options.model is None):
        raise InputError("expected --bundle DIR, or --model NAME with --checkpoint FILE, and not both")
    for_models = ("checkpoint", "classifier", "sides", "clip")
    beside = [name for name in for_models if options.bundle and getattr(options, name) is not None]
    if beside:
        raise InputError(f"--{beside[0]} beside --bundle; a bundle has its own: leave it out")
    if options.runtime is not None and options.bundle is None:
        raise InputError("--runtime beside --model; a checkpoint runs in PyTorch: leave it out")
    _sides(options.sides)
    for name in ("limit", "clip"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise InputError(f"--{name} {number}; expected at least 1")
    if not options.out.name or options.out.is_dir():
        raise InputError(f"--out {options.out} is a folder; expected the name of a JSON file")
    check_writable(options.out.parent)


def _subject(options: argparse.Namespace, task: str, log: StepLog) -> Subject:
    from rapsam.evaluation.subject import bundle_subject, model_subject
    from rapsam.evaluation.tasks import VIDEO_TASKS

    if options.bundle is not None:
        return bundle_subject(options.bundle, options.runtime)
    model = load_model(options, log)
    sides = _sides(options.sides) or model.test_sides(video=task in VIDEO_TASKS)
    return model_subject(model, sides, options.clip)


def _sides(text: str | None) -> tuple[int, int] | None:
    """Reads "LONG,SHORT"; None if nothing was given."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5}),(\d{1,5})", text)
    if not match or not 32 <= int(match[2]) <= int(match[1]):
        raise InputError(f"--sides {text!r}; expected LONG,SHORT in pixels, at least 32, such as 1333,800")
    if int(match[1]) > MAX_SIDE:
        raise InputError(f"--sides {text!r} is too large; expected sides of at most {MAX_SIDE} pixels")
    return int(match[1]), int(match[2])
