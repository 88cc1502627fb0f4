"""`rapsam lint`: what leaves a phone's accelerator or is wrong on it, before a conversion."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_weight_options, device_name, image_size, load_model
from rapsam.cli.console import StepLog, show, show_json
from rapsam.cli.lint_tables import print_report, verdict
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
        "--device",
        type=_device_name,
        nargs="+",
        action="extend",
        metavar="NAME",
        help="'rapsam devices' lists them; default: the bundle's own",
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
    parser.add_argument(
        "--json", action="store_true", help="print the record as JSON; for several devices: a list of them"
    )


def _device_name(text: str) -> str:
    """Reads the name of a phone; says where to put what is no phone, but could be examined."""
    try:
        return device_name(text)
    except InputError as error:
        from rapsam.models.families import variant_names

        if "/" not in text and text not in variant_names():
            raise
        raise InputError(
            f"{text} stands after --device, which takes phones; name it first, as in 'rapsam lint {text} "
            "--device pixel-8'"
        ) from error


def run(options: argparse.Namespace) -> int:
    """Examines a model or a bundle, for each device."""
    reports = _of_bundle(options) if Path(options.subject).is_dir() else _of_model(options)
    if options.json:
        show_json(reports if len(reports) > 1 else reports[0])
    else:
        _print(reports)
    return ERRORS_FOUND if any(report.errors for report in reports) else 0


def _print(reports: Sequence[LintReport]) -> None:
    for report in reports:
        print_report(report)
        if len(reports) > 1:
            show("")
    if len(reports) > 1:
        show(*(f"{report.device}: {verdict(report)}" for report in reports))


def _of_bundle(options: argparse.Namespace) -> list[LintReport]:
    from rapsam.export.lint.bundle import lint_bundle

    for name in _OF_MODELS:
        if getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} for the bundle {options.subject}, which has been made: leave it out")
    devices = dict.fromkeys(options.device or [None])
    return [lint_bundle(Path(options.subject), device, options.units) for device in devices]


def _of_model(options: argparse.Namespace) -> list[LintReport]:
    from rapsam.models.families import family_of

    if "/" in options.subject:
        raise InputError(f"{options.subject} is no folder; expected a bundle, or a variant ('rapsam models')")
    family_of(options.subject)
    plans = _plans(options)
    log = StepLog()
    from rapsam.export.lint.model import lint_model
    from rapsam.models.build import deployment_of
    from rapsam.quantize.calibration import MIN_IMAGES, open_calibration

    count = MIN_IMAGES if options.calibration_images is None else options.calibration_images
    calibration = open_calibration(options.calibration or _CALIBRATION, count)
    options.model = options.subject
    deployment = deployment_of(load_model(options, log), options.points)
    reports = []
    for plan in plans:
        if len(plans) > 1:
            log.note(plan.name)
        reports.append(lint_model(deployment, plan, calibration, log.detail, options.units))
    return reports


def _plans(options: argparse.Namespace) -> Sequence[ExportPlan]:
    from rapsam.export.build.plan import plan_matrix

    return plan_matrix(
        variant=options.subject,
        devices=options.device or (),
        target=options.target,
        precision=options.precision,
        ios=options.ios,
        sizes=() if options.size is None else (options.size,),
        tasks=options.tasks,
        num_prompts=1 if options.prompts is None else options.prompts,
    )
