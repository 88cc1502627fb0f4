"""`rapsam export`: from a checkpoint to bundles."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli import budget
from rapsam.cli.arguments import add_model_options, device_name, image_size, load_model
from rapsam.cli.bundle_report import bundle_bytes, bundle_facts, parity_step, print_bundle, problems_of
from rapsam.cli.console import StepLog, next_step, readable_size, say, show, show_json
from rapsam.cli.parity_summary import print_failures
from rapsam.cli.photographs import read_images
from rapsam.errors import (
    BudgetError,
    ExportError,
    InputError,
    MemoryLimitError,
    RapSamError,
    is_out_of_memory,
    reason_of,
)

if TYPE_CHECKING:
    from rapsam.evaluation.budget_meter import DropMeter
    from rapsam.export.build.bundle import BuiltBundle
    from rapsam.export.build.inputs import BuildInputs
    from rapsam.export.build.plan import ExportPlan
    from rapsam.quantize.calibration import CalibrationSet

SUMMARY = (
    "Export a network for phones: a folder per device with graphs, manifest, self-test and model card, "
    "compared with PyTorch."
)
EXAMPLE = "rapsam export --model rapsam_r18 --device iphone-15-pro pixel-8 --out bundles"
GATE_MISSED = 1
BAD_INPUT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    add_model_options(parser, required=True)
    parser.add_argument(
        "--device",
        type=device_name,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="'rapsam devices' lists them",
    )
    parser.add_argument("--target", metavar="NAME", help="a format; 'rapsam doctor' lists them")
    parser.add_argument(
        "--precision", metavar="NAME", help="such as fp32, fp16, w8 or w8a8; each target has a default"
    )
    parser.add_argument(
        "--calibration",
        metavar="SOURCE",
        help="images for precisions such as w8a8 or p4: a folder, a COCO annotation file, or drawn",
    )
    parser.add_argument(
        "--calibration-images", type=int, metavar="N", help="take so many of them; default 64"
    )
    budget.add_arguments(parser)
    parser.add_argument(
        "--ios", type=int, metavar="VERSION", help="oldest iOS, for Apple's formats; each has a default"
    )
    parser.add_argument(
        "--size",
        type=image_size,
        nargs="+",
        default=[],
        metavar="HxW",
        help="network input, multiples of 32; with several, every device gets each; default: what the model "
        "was made for, or the device's",
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        metavar="NAME",
        help="panoptic, prompt, video; default: panoptic prompt, or what of these the model can do",
    )
    parser.add_argument(
        "--prompts", type=int, default=1, metavar="K", help="prompts per pass of the prompt graph; default 1"
    )
    parser.add_argument(
        "--points",
        type=int,
        metavar="N",
        help="points that one prompt may have, for models that have slots for them, such as SAM; default 2",
    )
    parser.add_argument(
        "--enlarge-masks",
        action="store_true",
        help="let the graph return masks at the size of its input too, for models such as SAM",
    )
    parser.add_argument("--image", nargs="+", default=[], metavar="FILE", help="photographs to compare on")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the bundles")
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 also if too little of a graph runs in its delegate"
    )
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument(
        "--json", action="store_true", help="print paths, sizes, parity and failures as JSON"
    )
    printed.add_argument(
        "--verbose", action="store_true", help="print every comparison and the cost of graphs"
    )


def run(options: argparse.Namespace) -> int:
    """Exports one bundle per device and size, or per size for the target."""
    plans = _plans(options)
    budget.check_budget(options, plans.values())
    images = read_images(options.image)
    log = StepLog()
    from rapsam.export.build.inputs import gather_inputs
    from rapsam.models.build import deployment_of

    calibration = _calibration(options, plans, log)
    model = load_model(options, log)
    deployment = deployment_of(model, options.points, enlarge_masks=options.enlarge_masks)
    inputs = gather_inputs(deployment, images, calibration)
    meter = budget.open_meter(options, log)
    plans = budget.with_budgets(options, plans, meter)
    made, failed, lacked_memory = _make_all(inputs, plans, meter, log)
    if options.json:
        _print_json(plans, made, failed)
    elif made:
        _print_bundles(made, options)
    problems = [
        line for bundle in made.values() for line in problems_of(bundle.manifest, strict=options.strict)
    ]
    print_failures(problems, verbose=options.verbose or options.json)
    # One of several bundles fails alone, whatever the reason.
    if lacked_memory and len(plans) == 1:
        raise MemoryLimitError(f"{next(iter(failed.values()))}; too little memory: take a smaller --size")
    for folder in failed:
        say(f"error: {_named(folder, plans)}{failed[folder]}")
    if any(not isinstance(error, BudgetError) for error in failed.values()):
        return BAD_INPUT
    return GATE_MISSED if problems or failed else 0


def _plans(options: argparse.Namespace) -> dict[Path, ExportPlan]:
    """Plans all bundles, and finds before the first long work what would stop a later one."""
    from rapsam.export.build.finished import check_out_folder
    from rapsam.export.build.plan import plan_matrix

    plans = plan_matrix(
        variant=options.model,
        devices=options.device,
        target=options.target,
        precision=options.precision,
        ios=options.ios,
        sizes=options.size,
        tasks=options.tasks,
        num_prompts=options.prompts,
    )
    for plan in plans:
        check_out_folder(options.out / plan.name)
    return {options.out / plan.name: plan for plan in plans}


def _calibration(
    options: argparse.Namespace, plans: dict[Path, ExportPlan], log: StepLog
) -> CalibrationSet | None:
    """Opens the calibration images, if a plan needs any."""
    needed = any(plan.recipe.calibrated for plan in plans.values())
    if options.calibration is None or not needed:
        if options.calibration is not None or options.calibration_images is not None:
            raise InputError(
                "calibration images for precisions that need none; leave --calibration out, or take another"
            )
        return None
    from rapsam.quantize.calibration import DEFAULT_IMAGES, open_calibration

    log(f"looking at the calibration images of {options.calibration}")
    count = DEFAULT_IMAGES if options.calibration_images is None else options.calibration_images
    found = open_calibration(options.calibration, count)
    for warning in found.warnings:
        log.note(warning)
    return found


def _make_all(
    inputs: BuildInputs, plans: dict[Path, ExportPlan], meter: DropMeter | None, log: StepLog
) -> tuple[dict[Path, BuiltBundle], dict[Path, Exception], bool]:
    """Makes what is not there yet; a bundle that fails does not keep the others from being made.

    Returns:
        What is there now; why other bundles are not; whether one of them lacked memory.
    """
    from rapsam.export.budget.within import within_budget
    from rapsam.export.build.bundle import ensure_bundle
    from rapsam.export.build.cache import StageCache, cache_folder
    from rapsam.export.build.finished import finished_bundle

    # Before the first long work: a folder with something else in it stops everything.
    finished = {folder: finished_bundle(inputs, plan, folder) for folder, plan in plans.items()}
    cache = StageCache(cache_folder())
    made: dict[Path, BuiltBundle] = {}
    failed: dict[Path, Exception] = {}
    lacked_memory = False
    for number, (folder, plan) in enumerate(plans.items(), start=1):
        try:
            if finished[folder] is None:
                log.note(f"{_numbered(number, plans)}{plan.name}: {_summary(plan)}")
                if meter is not None:
                    plan = within_budget(inputs, plan, meter, cache, log.detail, log.note)
            made[folder] = ensure_bundle(
                inputs, plan, folder, finished[folder], cache, progress=log.detail, note=log.note
            )
        except Exception as error:  # the network, a converter or the disk: they raise whatever they like
            failed[folder] = error if isinstance(error, RapSamError) else ExportError(reason_of(error))
            lacked_memory |= is_out_of_memory(error)
        if folder in failed:
            log.note(f"{plan.name} failed")
    return made, failed, lacked_memory


def _summary(plan: ExportPlan) -> str:
    recipe = f"{plan.recipe.name}, " if plan.recipe.name != plan.name else ""
    return f"{recipe}{plan.size[0]}x{plan.size[1]}, {' + '.join(plan.tasks)}"


def _numbered(number: int, plans: dict[Path, ExportPlan]) -> str:
    return f"bundle {number} of {len(plans)}, " if len(plans) > 1 else ""


def _named(folder: Path, plans: dict[Path, ExportPlan]) -> str:
    """Says which of several bundles an error is about."""
    return f"{plans[folder].name}: " if len(plans) > 1 else ""


def _print_json(plans: Iterable[Path], made: dict[Path, BuiltBundle], failed: dict[Path, Exception]) -> None:
    """One entry per bundle, also for those that failed."""
    facts = [
        {"bundle": str(folder), "error": str(failed[folder])}
        if folder in failed
        else bundle_facts(folder, made[folder].manifest)
        for folder in plans
    ]
    show_json(facts)


def _print_bundles(made: dict[Path, BuiltBundle], options: argparse.Namespace) -> None:
    for folder, bundle in made.items():
        print_bundle(folder.name, bundle.manifest, bundle.report, verbose=options.verbose)
    for folder, bundle in made.items():
        show(f"{folder}  {readable_size(bundle_bytes(bundle.manifest))}; parity.json there has every figure")
    failed = [folder for folder, bundle in made.items() if bundle.report.status == "failed"]
    if failed:
        given = {"checkpoint": options.checkpoint, "classifier": options.classifier}
        show(parity_step(failed[0], made[failed[0]].manifest, "--localise", **given))
    else:
        show(next_step("verify", next(iter(made))))
