"""From a network to a bundle: a folder that an app can load, with proof that it computes the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Unpack

from msgspec.structs import replace

from rapsam import __version__
from rapsam.contract import graphs_of, tasks_find_objects, tasks_take_prompts
from rapsam.errors import BundleError, ExportError, UnavailableError
from rapsam.export.backends import find_backend
from rapsam.export.build.budget_plot import BUDGET_PLOT_NAME, budget_plot
from rapsam.export.build.cache import Note, StageCache
from rapsam.export.build.finished import finished_bundle, read_report
from rapsam.export.build.forms import graph_in_its_form
from rapsam.export.build.graph_stage import GraphRecord, plan_preprocess
from rapsam.export.build.inputs import BuildInputs, bundle_key, gather_inputs, prototypes_of
from rapsam.export.build.model_card import model_card
from rapsam.export.build.plan import ExportChoices, ExportPlan, plan_export
from rapsam.export.build.stage import Progress, StageContext
from rapsam.export.build.stages import golden_stage, parity_stage
from rapsam.export.bundle.manifest import (
    MANIFEST_NAME,
    PARITY_NAME,
    SCHEMA_VERSION,
    SEAL_NAME,
    Manifest,
    ModelEntry,
    ParitySummary,
)
from rapsam.export.bundle.manifest_check import manifest_problems
from rapsam.export.bundle.manifest_file import encode_record, write_manifest
from rapsam.export.bundle.quantisation import (
    QUANTISATION_NAME,
    QUANTISATION_SCHEMA,
    CalibrationEntry,
    QuantisationReport,
)
from rapsam.export.bundle.seal import file_entries, verify_bundle
from rapsam.export.parity.report import ParityReport
from rapsam.export.parity.sample_images import sample_images
from rapsam.files import atomic_folder, write_atomic
from rapsam.models.build import deployment_of
from rapsam.models.deployment import Deployment, finds_objects, takes_prompts
from rapsam.models.network import SegmentationNetwork
from rapsam.quantize.calibration import CalibrationSet
from rapsam.tasks.arrays import Pixels

CARD_NAME = "MODEL_CARD.md"


class BuiltBundle(NamedTuple):
    """A bundle that is there now: what it holds, and how it compared."""

    manifest: Manifest
    report: ParityReport


def export_bundle(
    model: SegmentationNetwork,
    out: str | Path,
    *,
    images: Mapping[str, Pixels] | None = None,
    calibration: CalibrationSet | None = None,
    cache: StageCache | None = None,
    max_points: int | None = None,
    enlarge_masks: bool = False,
    **choices: Unpack[ExportChoices],
) -> BuiltBundle:
    """Exports one bundle for a device of the catalogue or for a format.

    Args:
        model: The network; it is not changed.
        out: Folder of the bundle; must not exist yet, or be empty, or hold this very bundle: then nothing
            is made.
        images: Name to RGB image (h, w, 3), uint8, for parity and self-test; drawn ones by default.
        calibration: Images to find the ranges of activations on, as `open_calibration` opens them; needed for
            precisions such as "w8a8".
        cache: Keeps finished stages between exports, as `StageCache(cache_folder())` does for the command
            line; None keeps none.
        max_points: Points that one prompt may have, 1 to 64, where points have slots; None for as many as the
            family has them for.
        enlarge_masks: Whether graphs of models with such slots return masks of the network's image's own size
            too, for apps that draw what a graph returns; no task needs them.
        choices: What to export: device, target, precision, ios, size, tasks, num_prompts, as
            `ExportChoices` describes them.

    Returns:
        The manifest, and the parity report: look at its `status`.

    Raises:
        InputError: If a choice cannot be used, or the folder cannot be written or holds anything else.
        ExportError: If a converter refuses a graph. No folder is left.
        UnavailableError: If the converter is not installed.
    """
    plan = plan_export(variant=model.name, **choices)
    network = deployment_of(model, max_points, enlarge_masks=enlarge_masks)
    inputs = gather_inputs(network, images or sample_images(), calibration)
    return _run(inputs, plan, Path(out), lambda _step: None, cache)


def run_plan(
    deployment: Deployment,
    plan: ExportPlan,
    out: Path,
    images: Mapping[str, Pixels],
    progress: Progress,
    cache: StageCache | None = None,
) -> BuiltBundle:
    """Makes the bundle of a plan, unless it is there; see `export_bundle`. `progress` gets every line."""
    return _run(gather_inputs(deployment, images), plan, out, progress, cache)


def _run(
    inputs: BuildInputs, plan: ExportPlan, out: Path, progress: Progress, cache: StageCache | None
) -> BuiltBundle:
    finished = finished_bundle(inputs, plan, out)
    return ensure_bundle(inputs, plan, out, finished, cache, progress=progress, note=progress)


def ensure_bundle(
    inputs: BuildInputs,
    plan: ExportPlan,
    out: Path,
    finished: Manifest | None,
    cache: StageCache | None,
    *,
    progress: Progress,
    note: Note,
) -> BuiltBundle:
    """Makes the bundle of a plan, unless `finished_bundle` has found it; see `export_bundle`."""
    if finished is not None:
        note(f"{out} holds this bundle already: nothing to do")
        return BuiltBundle(finished, read_report(out))
    return make_bundle(inputs, plan, out, cache, progress=progress, note=note)


def make_bundle(
    inputs: BuildInputs,
    plan: ExportPlan,
    out: Path,
    cache: StageCache | None,
    *,
    progress: Progress,
    note: Note,
) -> BuiltBundle:
    """Makes the bundle of a plan in a new folder; see `export_bundle`.

    `progress` gets a line per step, `note` what must stay to be read, such as a damaged stage.
    """
    reason = find_backend(plan.recipe.backend).unavailable()
    if reason:
        raise UnavailableError(reason)
    with atomic_folder(out) as folder:
        context = StageContext(
            inputs=inputs, plan=plan, folder=folder, cache=cache, progress=progress, note=note
        )
        pipelines = inputs.deployment.pipelines(plan.tasks)
        graphs = [graph_in_its_form(context, graph) for graph in graphs_of(pipelines)]
        manifest = manifest_of(inputs, plan, graphs)
        if plan.recipe.quantisation is not None:
            quantisation = _quantisation(inputs, plan, graphs)
            write_atomic(folder / QUANTISATION_NAME, encode_record(quantisation))
            if quantisation.budget is not None:
                write_atomic(folder / BUDGET_PLOT_NAME, budget_plot(plan.recipe.name, quantisation.budget))
        golden_stage(context, manifest)
        report = parity_stage(context, manifest)
        write_atomic(folder / PARITY_NAME, encode_record(report))
        write_atomic(folder / CARD_NAME, model_card(manifest, report).encode())
        summary = ParitySummary(
            status=report.status,
            reference=report.reference,
            failures=report.failures(),
            benign=report.lines("benign"),
            not_run=report.not_run(),
        )
        manifest = replace(manifest, parity=summary, files=file_entries(folder))
        for problem in manifest_problems(manifest, (MANIFEST_NAME, SEAL_NAME)):
            raise ExportError(f"the bundle could not be read again: its manifest {problem}")
        write_manifest(folder, manifest)
        _check_result(folder)
    return BuiltBundle(manifest, report)


def _check_result(folder: Path) -> None:
    """Verifies what was made, as its user will, before it gets its name."""
    try:
        verify_bundle(folder)
    except BundleError as error:
        message = str(error).replace(f"{folder}/", "")
        raise ExportError(f"the bundle that was made is not whole: {message}") from error


def _quantisation(inputs: BuildInputs, plan: ExportPlan, graphs: Sequence[GraphRecord]) -> QuantisationReport:
    found = inputs.calibration if plan.recipe.calibrated else None
    return QuantisationReport(
        schema_version=QUANTISATION_SCHEMA,
        precision=plan.recipe.precision,
        calibration=found
        and CalibrationEntry(
            name=found.name, images=len(found.images), sha256=found.sha256, warnings=found.warnings
        ),
        graphs=tuple(graph.quantisation for graph in graphs if graph.quantisation is not None),
        budget=plan.found.report,
    )


def manifest_of(inputs: BuildInputs, plan: ExportPlan, graphs: Sequence[GraphRecord]) -> Manifest:
    """Describes lowered graphs; parity and the list of files are still missing."""
    deployment = inputs.deployment
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        rapsam_version=__version__,
        source_sha256=inputs.source_sha256,
        key=bundle_key(inputs, plan),
        images_sha256=inputs.images_sha256,
        device=plan.device,
        recipe=plan.recipe.name,
        minimum_runtime=graphs[0].minimum_runtime,
        model=ModelEntry(
            name=deployment.name,
            weights=deployment.weights,
            prototypes=prototypes_of(deployment),
            weights_sha256=inputs.weights_sha256,
        ),
        graphs=tuple(graph.entry for graph in graphs),
        pipelines=deployment.pipelines(plan.tasks),
        labels=None,
        preprocess=plan_preprocess(inputs, plan),
        postprocess=None,
        prompts=None,
        parity=None,
        files=(),
    )
    if finds_objects(deployment) and tasks_find_objects(plan.tasks):
        manifest = replace(manifest, labels=deployment.labels, postprocess=deployment.postprocess)
    if takes_prompts(deployment) and tasks_take_prompts(plan.tasks):
        manifest = replace(manifest, prompts=deployment.prompts)
    return manifest
