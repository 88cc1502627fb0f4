"""`rapsam demo`: the whole way on a real photograph, for one iPhone and one Android phone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.bundle_facts import bundle_bytes
from rapsam.cli.console import StepLog, readable_size
from rapsam.cli.parity_tables import print_failures, print_report
from rapsam.errors import UnavailableError
from rapsam.files import check_new_folder

if TYPE_CHECKING:
    from rapsam.tasks.arrays import Pixels

SUMMARY = "Show the whole way on a photograph: export for an iPhone and an Android phone, parity, overlay."
EXAMPLE = "rapsam demo --out demo-output"
MODEL = "rapsam_nano"
DEVICES = ("iphone-15-pro", "pixel-8")
PHOTO = "china"
GATE_MISSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="new folder")


def run(options: argparse.Namespace) -> int:
    """Runs the demo."""
    from rapsam.cli.predict_one import bundle_predictor
    from rapsam.data.images import write_image
    from rapsam.export.bundle import run_plan
    from rapsam.export.plan import plan_export
    from rapsam.models.build import FORMULA, build_model, deployment_of

    for device in DEVICES:
        check_new_folder(options.out / device)
    log = StepLog()
    log(f"loading {MODEL} and a photograph")
    image, photo = _photograph(), options.out / f"{PHOTO}.png"
    write_image(photo, image)
    deployment = deployment_of(build_model(MODEL, checkpoint=FORMULA))
    if not deployment.trained:
        log("the weights are untrained, made by a formula: the masks mean nothing, their equality does")
    passed, lines = True, []
    for device in DEVICES:
        plan = plan_export(device=device)
        log(f"{device}: {plan.recipe.name}, {plan.size[0]}x{plan.size[1]}")
        manifest, report = run_plan(deployment, plan, options.out / device, {PHOTO: image}, log)
        print_report(device, report)
        print_failures(report)
        passed &= report.status != "failed"
        lines.append(f"{options.out / device}  {readable_size(bundle_bytes(manifest))}")
    log(f"segmenting {photo} with the exported graphs of {DEVICES[-1]}")
    predictor = bundle_predictor(options.out / DEVICES[-1])
    files = predictor.image(photo, options.out, PHOTO, (), (), log)
    files += predictor.image(photo, options.out, f"{PHOTO}.prompted", [(320.0, 200.0)], (), log)
    print()
    print("\n".join([*lines, *(f"{file}  {readable_size(file.stat().st_size)}" for file in files)]))
    bundle = options.out / DEVICES[-1]
    print(f"next: rapsam predict {photo} --bundle {bundle} --box 200,80,460,300 --out results")
    if not passed:
        print("a parity gate was missed", file=sys.stderr)
    return 0 if passed else GATE_MISSED


def _photograph() -> Pixels:
    """A temple in China, 427x640, shipped with scikit-learn (CC BY)."""
    try:
        from sklearn.datasets import load_sample_image
    except ImportError as error:
        raise UnavailableError(
            "the demo's photograph comes with scikit-learn; run: pip install 'rapsam[demo]'"
        ) from error
    image: Pixels = load_sample_image(f"{PHOTO}.jpg")
    return image.copy()
