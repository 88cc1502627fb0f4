"""Exports promptable networks by recipes, and records how near their masks are to the reference's.

    python -m rapsam.benchmarks.studies.sam_formats --work DIR --model mobile_sam --recipe onnx-fp16

Weights are by formula. Images are square, 4:3, 16:9 and tall: masks that lie beside their objects at other
shapes than the square are the fault that users report most. Bundles stay in DIR/MODEL/RECIPE; one that is
there already is compared no more, and a row of it stays. Formats of one call share what the reference
computes. `rapsam.benchmarks.report.tables` writes the table of docs/sam.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, now_utc, write_records
from rapsam.benchmarks.measuring.timing import peak_rss_mb
from rapsam.benchmarks.studies.sam_format_records import (
    COMMAND,
    FILE,
    GraphShare,
    SamFormatRecords,
    SamFormatRow,
    known_sam_formats,
)
from rapsam.benchmarks.studies.speed_lowering import WEIGHTS
from rapsam.errors import RapSamError
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.build.bundle import BuiltBundle, ensure_bundle
from rapsam.export.build.finished import finished_bundle
from rapsam.export.build.inputs import BuildInputs, gather_inputs
from rapsam.export.build.plan import plan_export
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.case import MIN_PROMPTS
from rapsam.export.parity.report import TaskParity
from rapsam.export.parity.sample_images import draw_scene
from rapsam.machine import this_machine
from rapsam.models.build import build_model, deployment_of
from rapsam.tasks.arrays import Pixels

SHAPES = {"square": (800, 800), "four-thirds": (900, 1200), "wide": (720, 1280), "tall": (1280, 600)}
"""Height and width of the images."""


def main() -> None:
    """Exports one network by several recipes, and keeps what is known of others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder of the bundles")
    parser.add_argument("--model", required=True, metavar="NAME", help="a promptable network")
    parser.add_argument("--recipe", nargs="+", required=True, metavar="NAME", choices=RECIPES)
    options = parser.parse_args()
    try:
        inputs = inputs_of(options.model)
        for recipe in options.recipe:
            row = measure(inputs, recipe, options.work / options.model / recipe)
            known = known_sam_formats()
            if row.export_s is None and is_known(known, row):
                continue
            write_records(FILE, with_row(known, row))
    except RapSamError as error:
        parser.error(str(error))


def inputs_of(model: str, shapes: Mapping[str, tuple[int, int]] = SHAPES) -> BuildInputs:
    """Builds a network with weights by formula and draws the images.

    Raises:
        InputError: If the model is unknown.
    """
    images = {name: draw_scene(seed, size) for seed, (name, size) in enumerate(shapes.items(), start=5)}
    return gather_inputs(deployment_of(build_model(model, checkpoint=WEIGHTS)), images)


def measure(
    inputs: BuildInputs, recipe_name: str, folder: Path, size: tuple[int, int] | None = None
) -> SamFormatRow:
    """Exports a bundle, or takes the one that is there, and records how it compared.

    Args:
        inputs: The network and the images; the reference's outputs are kept with them.
        recipe_name: Key of `RECIPES`.
        folder: Of the bundle.
        size: Height and width of the network's image; None for what the family starts with.

    Raises:
        RapSamError: If the recipe or the size does not fit the network, or a converter refuses a graph.
    """
    recipe = RECIPES[recipe_name]
    plan = plan_export(
        variant=inputs.deployment.name,
        target=recipe.backend,
        precision=recipe.precision,
        ios=recipe.ios,
        size=size,
    )
    start = time.perf_counter()
    finished = finished_bundle(inputs, plan, folder)
    made = ensure_bundle(inputs, plan, folder, finished, None, progress=_say, note=_say)
    seconds = time.perf_counter() - start if finished is None else None
    return _row(inputs.images, made, seconds)


def is_known(records: SamFormatRecords, row: SamFormatRow) -> bool:
    """Tells whether there is a row of the same network and recipe."""
    return any((known.model, known.recipe) == (row.model, row.recipe) for known in records.rows)


def with_row(records: SamFormatRecords, row: SamFormatRow) -> SamFormatRecords:
    """Puts a row in the place of an earlier one of the same network and recipe."""
    others = [known for known in records.rows if (known.model, known.recipe) != (row.model, row.recipe)]
    rows = tuple(sorted((*others, row), key=lambda each: (each.model, each.recipe)))
    return SamFormatRecords(schema_version=SCHEMA_VERSION, command=COMMAND, rows=rows)


def _row(images: Mapping[str, Pixels], made: BuiltBundle, seconds: float | None) -> SamFormatRow:
    manifest, report = made
    tasks = [row for row in report.tasks if row.status != "not run"]
    least, where = _worst_mask(tasks)
    compared = [row for row in report.tensors if row.max_abs is not None]
    sqnr = [row.sqnr_db for row in compared if row.sqnr_db is not None]
    return SamFormatRow(
        created_utc=now_utc(),
        machine=this_machine(),
        provenance="emulated" if tasks and all(row.provenance == "emulated" for row in tasks) else "measured",
        model=manifest.model.name,
        weights=str(manifest.model.weights),
        recipe=manifest.recipe,
        size=manifest.preprocess.size,
        tool_versions=manifest.graphs[0].tool_versions,
        export_s=None if seconds is None else round(seconds, 1),
        peak_rss_mb=None if seconds is None else peak_rss_mb(),
        graphs_mb={graph.contract.graph: round(graph.size_bytes / 1e6, 2) for graph in manifest.graphs},
        shares=_shares(manifest),
        runtimes=tuple(dict.fromkeys(row.runtime for row in tasks)),
        not_run=report.not_run(),
        status=report.status,
        exact=bool(compared) and not any(row.max_abs for row in compared),
        least_sqnr_db=round(min(sqnr), 2) if sqnr else None,
        mean_iou=_mean_iou(tasks),
        least_iou=least,
        least_iou_image=where,
        images={name: (image.shape[0], image.shape[1]) for name, image in images.items()},
        prompts=max(MIN_PROMPTS, manifest.num_prompts),
        failures=report.failures(),
        benign=report.lines("benign"),
    )


def _shares(manifest: Manifest) -> dict[str, GraphShare]:
    return {
        graph.contract.graph: GraphShare(
            delegate=found.delegate,
            provenance=found.provenance,
            mac_share=round(found.mac_share, 5),
            partitions=found.partitions,
        )
        for graph in manifest.graphs
        if (found := graph.delegation) is not None
    }


def _mean_iou(tasks: Sequence[TaskParity]) -> float | None:
    """Returns the mean IoU of the image and runtime where it is least."""
    known = [row.mask_iou for row in tasks if row.mask_iou is not None]
    return round(min(known), 6) if known else None


def _worst_mask(tasks: Sequence[TaskParity]) -> tuple[float | None, str | None]:
    """Returns the IoU of the mask that is farthest off, and its image; None for both without any mask."""
    known = [(row.least_mask_iou, row.case) for row in tasks if row.least_mask_iou is not None]
    if not known:
        return None, None
    iou, case = min(known)
    return round(iou, 6), case


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
