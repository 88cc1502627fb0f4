"""`rapsam export`: from a checkpoint to bundles."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import add_model_options, image_size, load_model
from rapsam.cli.bundle_facts import bundle_bytes, bundle_facts
from rapsam.cli.console import StepLog, readable_size
from rapsam.cli.parity import print_failures, print_report, read_images
from rapsam.errors import UnavailableError
from rapsam.files import check_new_folder

if TYPE_CHECKING:
    from rapsam.export.manifest import Manifest
    from rapsam.export.plan import ExportPlan

SUMMARY = (
    "Export a network for phones: graphs, manifest, self-test, model card and parity, a folder per device."
)
EXAMPLE = "rapsam export --model rapsam_r18 --device iphone-15-pro pixel-8 --out bundles"
GATE_MISSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    add_model_options(parser, required=True)
    parser.add_argument("--device", nargs="+", default=[], metavar="NAME", help="'rapsam devices' lists them")
    parser.add_argument("--target", metavar="NAME", help="coreml, executorch, onnx or tflite")
    parser.add_argument("--precision", metavar="NAME", help="fp32 or fp16")
    parser.add_argument("--ios", type=int, metavar="VERSION", help="Core ML deployment target: 16, 17 or 18")
    parser.add_argument("--size", type=image_size, metavar="HxW", help="network input, multiples of 32")
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=["panoptic", "prompt"],
        metavar="NAME",
        help="panoptic, prompt, video; default: panoptic prompt",
    )
    parser.add_argument(
        "--prompts", type=int, default=1, metavar="K", help="prompts per pass of the prompt graph; default 1"
    )
    parser.add_argument(
        "--image", nargs="+", default=[], metavar="FILE", help="photographs for parity and self-test"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the bundles")
    parser.add_argument("--json", action="store_true", help="print paths, sizes and parity as JSON")


def run(options: argparse.Namespace) -> int:
    """Exports one bundle per device, or one for the target."""
    from rapsam.export.bundle import run_plan
    from rapsam.models.build import deployment_of

    plans = _plans(options)
    images = read_images(options.image)
    log = StepLog()
    deployment = deployment_of(load_model(options, log))
    made: dict[Path, Manifest] = {}
    passed = True
    for folder, plan in plans.items():
        log(f"{plan.name}: {plan.recipe.name}, {plan.size[0]}x{plan.size[1]}, {' + '.join(plan.tasks)}")
        made[folder], report = run_plan(deployment, plan, folder, images, log)
        if not options.json:
            print_report(plan.name, report)
        print_failures(report)
        passed &= report.status != "failed"
    _print_bundles(made, as_json=options.json)
    return 0 if passed else GATE_MISSED


def _plans(options: argparse.Namespace) -> dict[Path, ExportPlan]:
    """Plans all bundles, and finds before the first long work what would stop a later one."""
    from rapsam.export.backends import find_backend
    from rapsam.export.plan import plan_export

    plans: dict[Path, ExportPlan] = {}
    for device in options.device or [None]:
        plan = plan_export(
            device=device,
            target=options.target,
            precision=options.precision,
            ios=options.ios,
            size=options.size,
            tasks=options.tasks,
            num_prompts=options.prompts,
        )
        check_new_folder(options.out / plan.name)
        reason = find_backend(plan.recipe.backend).unavailable()
        if reason:
            raise UnavailableError(reason)
        plans[options.out / plan.name] = plan
    return plans


def _print_bundles(made: dict[Path, Manifest], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([bundle_facts(folder, manifest) for folder, manifest in made.items()], indent=2))
        return
    print()
    for folder, manifest in made.items():
        print(f"{folder}  {readable_size(bundle_bytes(manifest))}")
    print(f"next: rapsam verify {next(iter(made))}")
