"""`rapsam lint`: what leaves a phone's accelerator or is wrong on it, before a conversion."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_weight_options, image_size, load_model
from rapsam.cli.console import StepLog, show_json
from rapsam.cli.lint_tables import print_report
from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.export.build.plan import ExportPlan
    from rapsam.export.lint.report import LintReport

SUMMARY = (
    "Say what of a model or a bundle leaves a phone's accelerator or is wrong on it, what it costs and what "
    "mends it; exit 1 on errors."
)
EXAMPLE = "rapsam lint rapsam_nano --checkpoint nano-synth --device iphone-15-pro"
ERRORS_FOUND = 1
_OF_MODELS = (
    *("checkpoint", "classifier", "target", "precision", "ios", "size", "tasks", "prompts", "points"),
    *("calibration", "calibration_images"),
)
_CALIBRATION = "drawn"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "subject",
        metavar="MODEL|BUNDLE",
        help="variant, 'rapsam models' lists them; or a folder made by 'rapsam export'",
    )
    parser.add_argument(
        "--device", metavar="NAME", help="'rapsam devices' lists them; default: the bundle's own"
    )
    add_weight_options(parser)
    parser.add_argument("--target", metavar="NAME", help="a format; default: the device's")
    parser.add_argument("--precision", metavar="NAME", help="such as fp32, fp16 or w8; default: the device's")
    parser.add_argument("--ios", type=int, metavar="VERSION", help="oldest iOS, for Apple's formats")
    parser.add_argument(
        "--size",
        type=image_size,
        metavar="HxW",
        help="network input, multiples of 32; default: what the model was made for, or the device's",
    )
    parser.add_argument(
        "--tasks", nargs="+", metavar="NAME", help="panoptic, prompt, video; default: as 'rapsam export'"
    )
    parser.add_argument("--prompts", type=int, metavar="K", help="prompts per pass; default 1")
    parser.add_argument("--points", type=int, metavar="N", help="points of one prompt; as 'rapsam export'")
    parser.add_argument(
        "--calibration",
        metavar="SOURCE",
        help="images to look on for values that float16 cannot hold: a folder, a COCO annotation file, or "
        "drawn (the default)",
    )
    parser.add_argument("--calibration-images", type=int, metavar="N", help="take so many of them; default 8")
    parser.add_argument(
        "--units",
        metavar="NAME",
        help="compute units that an app is to choose, such as cpu, gpu or cpuAndNeuralEngine: what is wrong "
        "on others is a note; default: what the catalogue advises for the device",
    )
    parser.add_argument("--json", action="store_true", help="print the record as JSON")


def run(options: argparse.Namespace) -> int:
    """Examines a model or a bundle."""
    report = _of_bundle(options) if Path(options.subject).is_dir() else _of_model(options)
    if options.json:
        show_json(report)
    else:
        print_report(report)
    return ERRORS_FOUND if report.errors else 0


def _of_bundle(options: argparse.Namespace) -> LintReport:
    from rapsam.export.lint.bundle import lint_bundle

    for name in _OF_MODELS:
        if getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} for the bundle {options.subject}, which has been made: leave it out")
    return lint_bundle(Path(options.subject), options.device, options.units)


def _of_model(options: argparse.Namespace) -> LintReport:
    from rapsam.models.families import family_of

    if "/" in options.subject:
        raise InputError(f"{options.subject} is no folder; expected a bundle, or a variant ('rapsam models')")
    family_of(options.subject)
    plan = _plan(options)
    log = StepLog()
    from rapsam.export.lint.model import lint_model
    from rapsam.models.build import deployment_of
    from rapsam.quantize.calibration import MIN_IMAGES, open_calibration

    count = MIN_IMAGES if options.calibration_images is None else options.calibration_images
    calibration = open_calibration(options.calibration or _CALIBRATION, count)
    options.model = options.subject
    deployment = deployment_of(load_model(options, log), options.points)
    return lint_model(deployment, plan, calibration, log.detail, options.units)


def _plan(options: argparse.Namespace) -> ExportPlan:
    from rapsam.export.build.plan import plan_export

    return plan_export(
        variant=options.subject,
        device=options.device,
        target=options.target,
        precision=options.precision,
        ios=options.ios,
        size=options.size,
        tasks=options.tasks,
        num_prompts=1 if options.prompts is None else options.prompts,
    )
