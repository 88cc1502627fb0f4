"""`rapsam eval`: scores a checkpoint, or a bundle in a runtime, on annotated data."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, check_kept, load_model
from rapsam.cli.console import StepLog, counted_progress, print_table, say, show
from rapsam.errors import InputError, printable, quoted
from rapsam.files import check_output_file

if TYPE_CHECKING:
    from rapsam.data.sources.opened import OpenedSource
    from rapsam.evaluation.run import Outcome
    from rapsam.evaluation.scores import Scores
    from rapsam.inference.segmenter import Segmenter
    from rapsam.tasks.labels import LabelSet

SUMMARY = "Score a checkpoint, or a bundle in any runtime, on annotated data; write JSON and a table."
EXAMPLE = "rapsam eval --bundle bundles/onnx --data world --kind coco_panoptic --split val"
_MAX_SIDE = 4096


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
        "--orientation",
        metavar="NAME",
        help="stored or displayed: the pixels that annotations describe, where an image has an EXIF "
        "orientation and its size does not tell; default: as the other images of the data set",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="end with exit code 2 at the first image or annotation that cannot be used, which is otherwise "
        "left out and counted",
    )
    parser.add_argument(
        "--task",
        metavar="NAME",
        help="panoptic (PQ, mask AP, mIoU), instances, prompts, given-boxes (of --boxes), tracks "
        "(tube AP) or video-panoptic (VPQ, STQ); default: the usual one of the format",
    )
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="mask AP with these boxes as prompts: a detector's, in the format of COCO's results",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="another bundle, which sees the same images: what is lost against it, and how sure that is",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N images or videos only")
    parser.add_argument(
        "--out", type=Path, default=Path("eval.json"), metavar="FILE", help="default: eval.json"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an older report")


def run(options: argparse.Namespace) -> int:
    """Evaluates; an interrupted evaluation goes on when it is started again."""
    _check(options)
    from rapsam.data.sources.kinds import open_annotated, validation_split
    from rapsam.data.sources.orientation import described_named

    log = StepLog()
    split = validation_split(options.kind) if options.split is None else options.split
    described = described_named(options.orientation)
    log(f"reading the annotations of {options.kind} {split} in {options.data}")
    source = open_annotated(options.kind, options.data, split, described)
    log(f"loading {options.bundle or 'PyTorch'}")
    # Only now, for it takes seconds.
    from rapsam.data.detections import read_detections
    from rapsam.evaluation.given_boxes import GivenBoxScores
    from rapsam.evaluation.paired import PairedScores
    from rapsam.evaluation.report import Against, check_replaceable, report_of, write_report
    from rapsam.evaluation.tasks import task_for

    task = task_for(options.kind, _wanted_task(options))
    check_replaceable(options.out)
    boxes = None if options.boxes is None else read_detections(options.boxes)
    segmenter = _segmenter(options, task, log)
    log(f"{task}: {segmenter.name}, in {segmenter.runtime}, on {source.name}")
    reference = _reference(options, log)
    paired = None if reference is None else PairedScores(task, segmenter, reference)
    scores = paired if boxes is None else GivenBoxScores(segmenter, boxes, source.label_set)
    outcome = _evaluate(options, segmenter, source, task, split, scores)
    if len(outcome.left_out) == outcome.clips:
        raise InputError(f"nothing could be scored; the first fault: {outcome.left_out[0]}")
    against = None
    if paired is not None and reference is not None:
        outcome = outcome._replace(results=paired.results("subject"))
        against = Against(subject=printable(reference.name), runtime=reference.runtime, drops=paired.drops())
    report = report_of(segmenter, source.name, outcome, against)
    write_report(options.out, report)
    _unfinished(options.out).unlink(missing_ok=True)
    title = f"{task}: {segmenter.name}, in {segmenter.runtime}"
    if against is None:
        print_table(title, ("figure", "value"), report.rows())
    else:
        columns = ("figure", "value", "reference", "drop, points", "standard error")
        print_table(f"{title}, against {against.subject}", columns, report.drop_rows())
    show(*_remarks(outcome, source.label_set), str(options.out))
    return 0


def _evaluate(
    options: argparse.Namespace,
    segmenter: Segmenter,
    source: OpenedSource,
    task: str,
    split: str,
    scores: Scores | None,
) -> Outcome:
    from rapsam.data.sources.kinds import data_key
    from rapsam.evaluation.paired import PairedScores
    from rapsam.evaluation.run import evaluate
    from rapsam.files import sha256_of

    unfinished = _unfinished(options.out)
    key = f"{split} of {data_key(options.kind, options.data, split)}, orientation {options.orientation}"
    if isinstance(scores, PairedScores):
        key = f"{key}, beside {scores.reference_key()}"
    if options.boxes is not None:
        key = f"{key}, boxes {sha256_of(options.boxes)}"
    try:
        with counted_progress("images or videos") as report_progress:
            return evaluate(
                segmenter,
                source,
                task,
                scores=scores,
                data_key=key,
                strays=source.strays(),
                limit=options.limit,
                strict=options.strict,
                unfinished=unfinished,
                progress=report_progress,
            )
    except KeyboardInterrupt:
        if unfinished.exists():
            say(f"what was counted is in {unfinished}; go on with: {_command(options)}")
        raise


def _wanted_task(options: argparse.Namespace) -> str | None:
    """Returns the task that was named, which boxes name too."""
    from rapsam.evaluation.tasks import GIVEN_BOXES

    if options.boxes is None:
        return options.task if options.task is None else str(options.task)
    if options.task not in (None, GIVEN_BOXES):
        raise InputError(f"--boxes beside --task {printable(options.task)}; boxes are for {GIVEN_BOXES!r}")
    if options.against is not None:
        raise InputError("--boxes beside --against, which compares figures of other tasks; leave one out")
    return GIVEN_BOXES


def _unfinished(out: Path) -> Path:
    return out.with_suffix(".unfinished.json")


def _command(options: argparse.Namespace) -> str:
    """Writes the command line with which this evaluation was started."""
    words = ["rapsam", "eval"]
    for name, value in vars(options).items():
        if name == "run" or value is None or value is False:
            continue
        words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return shlex.join(words)


def _remarks(outcome: Outcome, labels: LabelSet) -> list[str]:
    """Says what the figures do not tell."""
    from rapsam.data.sources.categories import repeated_names

    lines = repeated_names(labels)
    if outcome.unknown_classes:
        names = printable(", ".join(outcome.unknown_classes))
        lines.append(f"classes that the network does not have, taken as void: {names}")
    if outcome.left_out:
        lines.append(
            f"images or videos left out: {len(outcome.left_out):,} of {outcome.clips:,}; the first: "
            f"{outcome.left_out[0]}"
        )
    if outcome.annotations_left_out:
        first = outcome.first_annotations[0]
        lines.append(f"annotations left out: {outcome.annotations_left_out:,}; the first: {first}")
    return lines


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
    if options.split == "":
        raise InputError("--split is empty; expected the name of a split, such as val")
    named = [
        options.bundle,
        options.boxes,
        *(Path(name) for name in (options.checkpoint, options.classifier) if name),
    ]
    inputs = [path for path in named if path is not None and path.exists()]
    for path in (options.out, _unfinished(options.out)):
        check_output_file(path, inputs)
    check_kept(options.out, overwrite=options.overwrite)


def _segmenter(options: argparse.Namespace, task: str, log: StepLog) -> Segmenter:
    from rapsam.evaluation.tasks import VIDEO_TASKS
    from rapsam.export.bundle.load import load_bundle
    from rapsam.inference.segmenter import model_segmenter

    if options.bundle is not None:
        return load_bundle(options.bundle, options.runtime)
    model = load_model(options, log)
    sides = _sides(options.sides) or model.test_sides(video=task in VIDEO_TASKS)
    return model_segmenter(model, sides, options.clip)


def _reference(options: argparse.Namespace, log: StepLog) -> Segmenter | None:
    if options.against is None:
        return None
    from rapsam.export.bundle.load import load_bundle

    log(f"loading {options.against}")
    return load_bundle(options.against)


def _sides(text: str | None) -> tuple[int, int] | None:
    """Reads "LONG,SHORT"; None if nothing was given."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5})", text)
    if not match or not 32 <= int(match[2]) <= int(match[1]) <= _MAX_SIDE:
        raise InputError(
            f"--sides {quoted(text)}; expected LONG,SHORT in pixels, 32 to {_MAX_SIDE}, such as 1333,800"
        )
    return int(match[1]), int(match[2])
