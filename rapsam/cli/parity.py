"""`rapsam parity`: a bundle against the network that it was made from."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.bundle_report import parity_step, print_parity
from rapsam.cli.console import StepLog, next_step, show, show_json
from rapsam.cli.parity_summary import print_failures
from rapsam.cli.parity_tables import print_localisation
from rapsam.cli.photographs import read_images
from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.export.bundle.manifest import Manifest
    from rapsam.export.parity.report import ParityReport
    from rapsam.models.deployment import Deployment
    from rapsam.tasks.arrays import Pixels

SUMMARY = "Compare a bundle with its network in PyTorch, per output and per task; exit 1 if a gate is missed."
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
        help="with --localise: SQNR in dB that every module must have; default: what rounding alone explains",
    )
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--json", action="store_true", help="print the whole report as JSON")
    printed.add_argument("--verbose", action="store_true", help="print every comparison, not only the worst")


def run(options: argparse.Namespace) -> int:
    """Checks a bundle."""
    from rapsam.export.bundle.seal import verify_runnable
    from rapsam.export.parity.check import check_parity

    if options.threshold is not None and not (options.localise and math.isfinite(options.threshold)):
        raise InputError(
            f"--threshold {options.threshold} says nothing; expected a number of dB, with --localise"
        )
    manifest = verify_runnable(options.bundle)
    images = read_images(options.image)
    deployment = _deployment(manifest, options)
    if options.localise:
        return _localise(options, deployment, manifest, images)
    report = check_parity(deployment, options.bundle, manifest, images, StepLog().detail)
    if options.json:
        show_json(report)
    else:
        print_parity(str(options.bundle), report, verbose=options.verbose)
        _print_next(options, manifest, report)
    print_failures(report.failures(), verbose=options.verbose or options.json)
    return GATE_MISSED if report.status == "failed" else 0


def _localise(
    options: argparse.Namespace, deployment: Deployment, manifest: Manifest, images: dict[str, Pixels]
) -> int:
    from rapsam.export.localise.search import localise

    first = next(iter(images.items()))
    log = StepLog().detail
    report = localise(deployment, options.bundle, manifest, first, log, threshold_db=options.threshold)
    if options.json:
        show_json(report)
    else:
        print_localisation(str(options.bundle), report)
    return GATE_MISSED if report.diverges else 0


def _print_next(options: argparse.Namespace, manifest: Manifest, report: ParityReport) -> None:
    if report.status == "failed":
        given = {"checkpoint": options.checkpoint, "classifier": options.classifier}
        show(parity_step(options.bundle, manifest, "--localise", **given))
    elif report.status != "not run":
        show(next_step("predict", "PHOTO", "--bundle", options.bundle))


def _deployment(manifest: Manifest, options: argparse.Namespace) -> Deployment:
    from rapsam.contract import returns_enlarged_masks
    from rapsam.models.build import FORMULA, build_model, deployment_of
    from rapsam.models.origins import weights_sha256
    from rapsam.models.shipped import shipped_name
    from rapsam.tasks.labels import label_sets

    checkpoint = options.checkpoint
    weights, labels = manifest.model.weights, manifest.labels
    if checkpoint is None:
        checkpoint = FORMULA if weights.origin == "formula" else shipped_name(weights.name)
    if checkpoint is None:
        raise InputError(f"the bundle was made from {weights}; give it: --checkpoint FILE")
    known = labels.name if labels and labels.name in label_sets() else None
    model = build_model(manifest.model.name, checkpoint=checkpoint, classifier=options.classifier or known)
    spec = manifest.prompts
    max_points = spec.max_points if spec and spec.encoding == "points" else None
    deployment = deployment_of(model, max_points, enlarge_masks=returns_enlarged_masks(manifest.contracts))
    if weights_sha256(deployment.state()) != manifest.model.weights_sha256:
        told = f"{weights}, {labels.name}" if labels else str(weights)
        raise InputError(
            f"{checkpoint} and text classifier are not what the bundle was made from "
            f"({told}): give --checkpoint, --classifier"
        )
    return deployment
