"""`rapsam predict --everything`: all regions of an image, without a prompt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import decimal, whole_number
from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.cli.console import StepLog
    from rapsam.inference.segmenter import Segmenter
    from rapsam.tasks.everything import EverythingSpec

_OPTIONS = ("points_per_side", "min_iou", "min_stability", "crop_layers")


def add_everything_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    group = parser.add_argument_group("everything in an image, for models that take points")
    group.add_argument(
        "--everything",
        action="store_true",
        help="find all regions by asking about every point of a grid, without prompts",
    )
    group.add_argument("--points-per-side", type=whole_number, metavar="N", help="of the grid; default 32")
    group.add_argument(
        "--min-iou", type=decimal, metavar="S", help="predicted IoU that a mask must exceed; default 0.88"
    )
    group.add_argument(
        "--min-stability",
        type=decimal,
        metavar="S",
        help="share of a mask that must not change when its threshold moves by 1; default 0.95",
    )
    group.add_argument(
        "--crop-layers",
        type=whole_number,
        metavar="N",
        help="look again in 4 (with 2 also 16, with 3 also 64) overlapping crops for small things; default 0",
    )


def everything_spec(options: argparse.Namespace) -> EverythingSpec | None:
    """Reads how everything is to be found; None if nobody asks for that.

    Raises:
        InputError: If a number is out of its range, or asked for beside something else.
    """
    from rapsam.tasks.everything import EverythingSpec

    given = {name: getattr(options, name) for name in _OPTIONS if getattr(options, name) is not None}
    if not options.everything:
        if given:
            name = min(given).replace("_", "-")
            raise InputError(f"--{name} without --everything; expected both, or neither")
        return None
    return EverythingSpec(**given)


def predict_everything(
    segmenter: Segmenter, path: Path, out: Path, name: str, spec: EverythingSpec, log: StepLog
) -> list[Path]:
    """Finds all regions of an image; returns the files written."""
    from rapsam.data.coco import text_name
    from rapsam.data.images import read_image, write_image
    from rapsam.data.region_results import RegionsFile, region_records
    from rapsam.files import write_json
    from rapsam.tasks.draw import draw_regions

    image = read_image(path)

    def say_crop(done: int, total: int) -> None:
        log.still(f"{path}: {done} of {total} {'crops' if total > 1 else 'image'}")

    regions = segmenter.everything(image, spec, say_crop)
    log.still(f"{path}: drawing {len(regions):,} regions")
    overlay, record = out / f"{name}.overlay.png", out / f"{name}.regions.json"
    records = RegionsFile(
        file_name=text_name(path),
        height=image.shape[0],
        width=image.shape[1],
        regions=region_records(regions),
    )
    write_json(record, records)
    write_image(overlay, draw_regions(image, [region.mask for region in regions]))
    return [overlay, record]
