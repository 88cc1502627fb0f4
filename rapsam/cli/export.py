"""`rapsam export`: from a checkpoint to bundles."""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.cli.arguments import add_model_options, image_size, load_model
from rapsam.cli.console import StepLog, megabytes
from rapsam.cli.parity import print_report, read_images

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


def run(options: argparse.Namespace) -> int:
    """Exports one bundle per device, or one for the target."""
    from rapsam.export.bundle import run_plan
    from rapsam.export.plan import plan_export
    from rapsam.models.build import deployment_of

    plans = [
        plan_export(
            device=device,
            target=options.target,
            precision=options.precision,
            ios=options.ios,
            size=options.size,
            tasks=options.tasks,
            num_prompts=options.prompts,
        )
        for device in dict.fromkeys(options.device or [None])
    ]
    images = read_images(options.image)
    log = StepLog()
    log(f"loading {options.model}")
    deployment = deployment_of(load_model(options))
    if not deployment.trained:
        log("no checkpoint: weights by formula, untrained; the masks will mean nothing")
    bundles, passed = [], True
    for plan in plans:
        folder = options.out / plan.name
        log(f"{plan.name}: {plan.recipe.name}, {plan.size[0]}x{plan.size[1]}, {' + '.join(plan.tasks)}")
        manifest, report = run_plan(deployment, plan, folder, images, log)
        print_report(plan.name, report)
        passed &= report.status != "failed"
        bundles.append((folder, sum(entry.size_bytes for entry in manifest.files)))
    print()
    for folder, size in bundles:
        print(f"{folder}  {megabytes(size)}")
    print(f"next: rapsam verify {bundles[0][0]}")
    return 0 if passed else GATE_MISSED
