"""`rapsam parity`: a bundle against the network that it was made from."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import StepLog, show_json
from rapsam.cli.parity_tables import print_failures, print_localisation, print_report
from rapsam.cli.photographs import read_images
from rapsam.errors import InputError, unknown_name

if TYPE_CHECKING:
    from rapsam.export.localise.report import LocalisationReport
    from rapsam.export.manifest import Manifest
    from rapsam.export.parity.report import ParityReport
    from rapsam.models.deployment import Deployment
    from rapsam.tasks.arrays import Pixels

SUMMARY = (
    "Compare a bundle with the fp32 PyTorch reference, per output and per task; exit 1 if a gate is missed."
)
EXAMPLE = "rapsam parity bundles/pixel-8"
GATE_MISSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder made by 'rapsam export'")
    parser.add_argument("--checkpoint", metavar="FILE", help="the checkpoint that the bundle was made from")
    parser.add_argument("--classifier", metavar="FILE|NAME", help="the text classifier, if it was given then")
    parser.add_argument("--image", nargs="+", default=[], metavar="FILE", help="photographs to compare on")
    parser.add_argument(
        "--localise",
        action="store_true",
        help="find the first module whose output diverges, on the first image: lowers every graph again",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="DB",
        help="with --localise: SQNR that every module shall have; default: what rounding alone explains",
    )
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")


def run(options: argparse.Namespace) -> int:
    """Checks a bundle."""
    from rapsam.export.parity.check import check_parity
    from rapsam.export.recipes import RECIPES
    from rapsam.export.seal import verify_bundle

    if options.threshold is not None and not (options.localise and math.isfinite(options.threshold)):
        raise InputError(
            f"--threshold {options.threshold} says nothing; expected a number of dB, with --localise"
        )
    manifest = verify_bundle(options.bundle)
    if manifest.recipe not in RECIPES:
        raise unknown_name(f"recipe in {options.bundle}", manifest.recipe, RECIPES)
    images = read_images(options.image)
    deployment = _deployment(manifest, options)
    if options.localise:
        return _localise(options, deployment, manifest, images)
    report = check_parity(deployment, options.bundle, manifest, images, StepLog())
    if options.json:
        _print_json(report)
    else:
        print_report(str(options.bundle), report)
    print_failures(report)
    return GATE_MISSED if report.status == "failed" else 0


def _localise(
    options: argparse.Namespace, deployment: Deployment, manifest: Manifest, images: dict[str, Pixels]
) -> int:
    from rapsam.export.localise.search import localise

    first = next(iter(images.items()))
    report = localise(deployment, options.bundle, manifest, first, StepLog(), threshold_db=options.threshold)
    if options.json:
        _print_json(report)
    else:
        print_localisation(str(options.bundle), report)
    return GATE_MISSED if report.diverges else 0


def _print_json(report: ParityReport | LocalisationReport) -> None:
    show_json(report)


def _deployment(manifest: Manifest, options: argparse.Namespace) -> Deployment:
    from rapsam.export.material import weights_sha256
    from rapsam.models.build import FORMULA, build_model, deployment_of
    from rapsam.models.shipped import shipped_name
    from rapsam.tasks.labels import label_sets

    checkpoint = options.checkpoint
    if checkpoint is None:
        checkpoint = shipped_name(manifest.model.weights_origin)
    if checkpoint is None:
        if not manifest.model.weights_origin.startswith(FORMULA):
            raise InputError(
                f"the bundle was made from {manifest.model.weights_origin}; give it: --checkpoint FILE"
            )
        checkpoint = FORMULA
    known = manifest.labels.name if manifest.labels.name in label_sets() else None
    model = build_model(manifest.model.name, checkpoint=checkpoint, classifier=options.classifier or known)
    deployment = deployment_of(model)
    if weights_sha256(deployment.state()) != manifest.model.weights_sha256:
        raise InputError(
            f"{checkpoint} and text classifier are not what the bundle was made from "
            f"({manifest.model.weights_origin}, {manifest.labels.name}): give --checkpoint, --classifier"
        )
    return deployment
