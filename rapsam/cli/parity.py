"""`rapsam parity`: a bundle against the network that it was made from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import StepLog, print_table
from rapsam.errors import InputError, unknown_name

if TYPE_CHECKING:
    from rapsam.export.manifest import Manifest
    from rapsam.export.parity_report import ParityReport
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
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")


def run(options: argparse.Namespace) -> int:
    """Checks a bundle."""
    import msgspec

    from rapsam.export.parity import check_parity
    from rapsam.export.recipes import RECIPES
    from rapsam.export.seal import verify_bundle

    manifest = verify_bundle(options.bundle)
    if manifest.recipe not in RECIPES:
        raise unknown_name(f"recipe in {options.bundle}", manifest.recipe, RECIPES)
    images = read_images(options.image)
    deployment = _deployment(manifest, options)
    report = check_parity(deployment, options.bundle, manifest, images, StepLog())
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print_report(str(options.bundle), report)
    print_failures(report)
    return GATE_MISSED if report.status == "failed" else 0


def read_images(paths: Sequence[str]) -> dict[str, Pixels]:
    """Reads photographs, each under its stem; without any, two drawn scenes."""
    from rapsam.data.images import read_image
    from rapsam.export.sample_images import sample_images

    images: dict[str, Pixels] = {}
    for path in map(Path, paths):
        if path.stem in images:
            raise InputError(f"two images are called {path.stem!r}; give each another name")
        images[path.stem] = read_image(path)
    return images or sample_images()


def print_report(name: str, report: ParityReport) -> None:
    """Prints what was compared as tables, then a line for each runtime that did not run."""
    print_table(
        f"\nParity of {name} ({report.recipe}) against {report.reference}",
        ("runtime", "graph", "output", "input", "max abs", "cosine", "SQNR dB", "status"),
        [
            (
                row.runtime,
                row.graph,
                row.output,
                row.case,
                _figure(row.max_abs, ".2e"),
                _figure(row.cosine, ".6f"),
                _figure(row.sqnr_db, ".1f"),
                row.status,
            )
            for row in report.tensors
            if row.status != "not run"
        ],
    )
    print_table(
        "\nTasks",
        ("runtime", "task", "input", "mask IoU", "class agreement", "PQ", "segments", "status"),
        [
            (
                row.runtime,
                row.task,
                row.case,
                _figure(row.mask_iou, ".4f"),
                _figure(row.class_agreement, ".3f"),
                _figure(row.pq, ".4f"),
                "-" if row.segments is None else f"{row.segments} of {row.reference_segments}",
                row.status,
            )
            for row in report.tasks
            if row.status != "not run"
        ],
    )
    for line in report.not_run():
        print(line)
    for row in report.tasks:
        if row.status == "not meaningful":
            print(f"{row.runtime}: task {row.task!r}, input {row.case!r}: not meaningful: {row.reason}")
    explained = ": every gate passed, but in an interpreter of ours" if report.status == "emulated" else ""
    print(f"parity: {report.status}{explained}")


def print_failures(report: ParityReport) -> None:
    """Prints one line per missed gate to standard error."""
    sys.stdout.flush()
    for line in report.failures():
        print(f"FAILED {line}", file=sys.stderr)


def _deployment(manifest: Manifest, options: argparse.Namespace) -> Deployment:
    from rapsam.export.bundle import weights_sha256
    from rapsam.models.build import FORMULA, build_model, deployment_of
    from rapsam.tasks.labels import label_sets

    checkpoint = options.checkpoint
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


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
