"""Makes what a row of `few_bits` compares: graphs by its recipe, and by that of fp32."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from rapsam.benchmarks.studies.few_bits_records import NANO
from rapsam.benchmarks.studies.few_bits_rows import RowPlan
from rapsam.benchmarks.studies.few_bits_training import trained_weights
from rapsam.contract import graphs_of
from rapsam.export.build.bundle import ensure_bundle
from rapsam.export.build.cache import StageCache
from rapsam.export.build.finished import finished_bundle
from rapsam.export.build.graph_stage import lowered_graph
from rapsam.export.build.inputs import BuildInputs, gather_inputs
from rapsam.export.build.plan import ExportPlan, plan_export
from rapsam.export.build.stage import StageContext
from rapsam.export.bundle.manifest import GraphEntry
from rapsam.export.bundle.quantisation import QUANTISATION_NAME, QuantisationReport
from rapsam.export.parity.sample_images import sample_images
from rapsam.models.build import build_model, deployment_of
from rapsam.quantize.calibration import DEFAULT_IMAGES, MIN_IMAGES, open_calibration

CALIBRATION = "drawn"
"""Images of a seed of their own: neither trained on nor scored."""
_STAGES = "stages"


class Subject(NamedTuple):
    """How a network is measured.

    Attributes:
        weights: As in `--checkpoint`.
        size: Image height and width.
        tasks: Of its bundles.
        calibration_images: Ranges are found on so many.
    """

    weights: str
    size: tuple[int, int]
    tasks: tuple[str, ...]
    calibration_images: int


SCORED = Subject("nano-synth", (256, 256), ("panoptic", "prompt"), DEFAULT_IMAGES)
LOWERED = Subject("formula", (640, 640), ("panoptic",), MIN_IMAGES)
"""Nothing is scored: few images will do for the ranges."""


class Form(NamedTuple):
    """A graph on disk.

    Attributes:
        path: The artifact.
        entry: What its manifest tells of it.
        precision: That it has.
        why: Why not that of the recipe; empty if it has that.
    """

    path: Path
    entry: GraphEntry
    precision: str
    why: str


class Pair(NamedTuple):
    """What is compared.

    Attributes:
        inputs: What this side was made from.
        plan: Of the side that is judged.
        ours: Its graphs by name.
        theirs: Those of fp32.
        folders: Of the bundles, this side's first; empty where graphs alone were lowered.
        parity: Verdict of this side's bundle; empty without one.
    """

    inputs: BuildInputs
    plan: ExportPlan
    ours: dict[str, Form]
    theirs: dict[str, Form]
    folders: tuple[Path, ...]
    parity: str


def subject_of(row: RowPlan) -> Subject:
    """Says how the network of a row is measured."""
    return SCORED if row.model == NANO else LOWERED


def export_pair(row: RowPlan, work: Path) -> Pair:
    """Exports two bundles; those that the working folder has are taken.

    Raises:
        ExportError: If a converter refuses a graph.
    """
    cache, plans, published = StageCache(work / _STAGES), _plans(row), subject_of(row).weights
    weights = str(trained_weights(work, published, row.recipe.name)) if row.trained else published
    folders, verdicts, sides, made_from = [], [], [], []
    # Names of folders become those of counts.
    for plan, checkpoint, ending in zip(
        plans, (weights, published), ("-trained" * row.trained, ""), strict=True
    ):
        inputs = _inputs(row, checkpoint)
        folder = work / "bundles" / f"{plan.recipe.name}{ending}"
        finished = finished_bundle(inputs, plan, folder)
        built = ensure_bundle(inputs, plan, folder, finished, cache, progress=say, note=say)
        sides.append(_bundled(folder, plan.recipe.precision, built.manifest.graphs))
        folders.append(folder)
        verdicts.append(built.report.status)
        made_from.append(inputs)
    return Pair(made_from[0], plans[0], sides[0], sides[1], tuple(folders), verdicts[0])


def lower_pair(row: RowPlan, work: Path, scratch: Path) -> Pair:
    """Lowers the graphs of two bundles, without their comparison with PyTorch; the cache has them afterwards.

    Args:
        row: What to lower; graphs get its precision whether they gain by it or not.
        work: Working folder of the study.
        scratch: An empty folder for the graphs.

    Raises:
        ExportError: If a converter refuses a graph.
    """
    inputs, cache = _inputs(row, subject_of(row).weights), StageCache(work / _STAGES)
    sides, plans = [], _plans(row)
    for plan in plans:
        folder = scratch / plan.recipe.precision
        folder.mkdir()
        context = StageContext(inputs=inputs, plan=plan, folder=folder, cache=cache, progress=say, note=say)
        names = graphs_of(inputs.deployment.pipelines(plan.tasks))
        entries = [lowered_graph(context, name).entry for name in names]
        sides.append({e.contract.graph: Form(folder / e.path, e, plan.recipe.precision, "") for e in entries})
    return Pair(inputs, plans[0], sides[0], sides[1], (), "")


def say(line: str) -> None:
    """Prints a line of progress where records do not go, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _inputs(row: RowPlan, weights: str) -> BuildInputs:
    subject = subject_of(row)
    deployment = deployment_of(build_model(row.model, checkpoint=weights))
    calibration = None
    if row.recipe.calibrated:
        calibration = open_calibration(CALIBRATION, subject.calibration_images)
    return gather_inputs(deployment, sample_images(), calibration)


def _plans(row: RowPlan) -> tuple[ExportPlan, ...]:
    subject, recipe = subject_of(row), row.recipe
    return tuple(
        plan_export(
            target=recipe.backend,
            precision=each.precision,
            ios=each.ios,
            size=subject.size,
            tasks=subject.tasks,
        )
        for each in (recipe, row.float_recipe)
    )


def _bundled(folder: Path, precision: str, entries: tuple[GraphEntry, ...]) -> dict[str, Form]:
    path, told = folder / QUANTISATION_NAME, {}
    if path.exists():
        report = msgspec.json.decode(path.read_bytes(), type=QuantisationReport)
        told = {graph.graph: (graph.precision, graph.why) for graph in report.graphs}
    return {
        e.contract.graph: Form(folder / e.path, e, *told.get(e.contract.graph, (precision, "")))
        for e in entries
    }
