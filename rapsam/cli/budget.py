"""What an export may lose: the options of a budget, and the images that it is held on."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import StepLog
from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.evaluation.budget_meter import DropMeter
    from rapsam.export.build.plan import ExportPlan
    from rapsam.export.bundle.quantisation import Figure

_FIGURES: dict[Figure, str] = {
    "pq": "of panoptic quality",
    "click": "of the mean IoU of one click",
    "box": "of the mean IoU of a box",
    "image-pq": "of panoptic quality against the float result, of any single image,",
    "image-iou": "of the mean IoU of the prompted masks against the float masks, of any single image,",
}
_DATA_OPTIONS = ("data", "kind", "split", "budget_images")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    for figure, words in _FIGURES.items():
        parser.add_argument(
            f"--max-{figure}-drop",
            type=float,
            metavar="POINTS",
            help=f"most points of 100 {words} that few bits may cost; what must stay float for that is "
            "searched",
        )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="annotated images that the budget is held on, none of --calibration",
    )
    parser.add_argument("--kind", metavar="NAME", help="format of --data; default: coco_panoptic")
    parser.add_argument("--split", metavar="NAME", help="of --data; default: val")
    parser.add_argument(
        "--budget-images", type=int, metavar="N", help="take the first N images of --data; default: all"
    )


def check_budget(options: argparse.Namespace, plans: Iterable[ExportPlan]) -> None:
    """Finds before any work what makes no budget.

    Raises:
        InputError: If there are limits without images or images without limits, or limits that a plan cannot
            have.
    """
    limits = _limits(options)
    given = [name for name in _DATA_OPTIONS if getattr(options, name) is not None]
    if not limits:
        if given:
            option = given[0].replace("_", "-")
            raise InputError(
                f"--{option} without a budget; add a limit such as --max-pq-drop 1.0, or leave it out"
            )
        return
    if options.data is None:
        raise InputError(
            f"--max-{next(iter(limits))}-drop without --data; name annotated images to hold it on"
        )
    if options.budget_images is not None and options.budget_images < 1:
        raise InputError(f"--budget-images {options.budget_images}; expected at least 1")
    from rapsam.export.budget.limits import check_limits

    for plan in plans:
        check_limits(limits, plan)


def open_meter(options: argparse.Namespace, log: StepLog) -> DropMeter | None:
    """Opens the images of a budget; None if no limit is given.

    Raises:
        InputError: If they are too few, or cannot be used.
    """
    limits = _limits(options)
    if not limits:
        return None
    from rapsam.data.sources.kinds import open_annotated, validation_split
    from rapsam.evaluation.budget_meter import DropMeter
    from rapsam.evaluation.tasks import VIDEO_TASKS, task_for

    kind = options.kind or "coco_panoptic"
    if task_for(kind, None) in VIDEO_TASKS:
        raise InputError(f"--kind {kind} for a budget; its figures are of images: take coco_panoptic")
    log(f"looking at the images of the budget in {options.data}")
    split = options.split or validation_split(kind)
    source = open_annotated(kind, options.data, split)
    return DropMeter(
        source,
        f"{options.data.resolve().name} {split}",
        tuple(limits),
        limit=options.budget_images,
        progress=lambda done, total: log.still(f"budget: {done} of {total} images", None),
    )


def with_budgets(
    options: argparse.Namespace, plans: dict[Path, ExportPlan], meter: DropMeter | None
) -> dict[Path, ExportPlan]:
    """Asks the budget of every plan."""
    if meter is None:
        return plans
    from rapsam.export.budget.within import with_budget

    limits = _limits(options)
    return {folder: with_budget(plan, limits, meter) for folder, plan in plans.items()}


def _limits(options: argparse.Namespace) -> dict[Figure, float]:
    given = {figure: getattr(options, f"max_{figure.replace('-', '_')}_drop") for figure in _FIGURES}
    return {figure: limit for figure, limit in given.items() if limit is not None}
