"""Parity: the exported graphs against the trainable network in PyTorch, on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rapsam.errors import InputError, RapSamError
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES
from rapsam.export.backends.recipes import Gates
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.parity.case import Case, References, TaskReference, joined_graphs
from rapsam.export.parity.histograms import compare_histograms
from rapsam.export.parity.memory import RememberingRunner, RunMemory
from rapsam.export.parity.panoptic import compare_panoptic, usable_thresholds
from rapsam.export.parity.report import (
    SCHEMA_VERSION,
    DecisionParity,
    HistogramParity,
    ParityReport,
    Row,
    Status,
    TaskParity,
    TensorParity,
    VideoParity,
)
from rapsam.export.parity.sample_images import extreme_images, sample_clip
from rapsam.export.parity.tasks import (
    TaskContext,
    compare_objects,
    compare_prompts,
    object_decisions,
    prompt_decisions,
)
from rapsam.export.parity.tensors import excuse_tensor, judge_tensor
from rapsam.export.parity.video import compare_videos, run_clip
from rapsam.inference.network import GraphNetwork
from rapsam.inference.reference import reference_device, reference_name
from rapsam.inference.runner import Runner
from rapsam.metrics.tensor_error import TensorFigures
from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.postprocess import LENIENT
from rapsam.tasks.tracker import Clip

Progress = Callable[[str], None]
Rows = Iterator[Row]
CLIP_NAME = "shapes-moving"
VIDEO_ROUNDING_RUNS = 2


class _ClipReference(NamedTuple):
    """What the reference makes of the clip, exactly and rounded, one entry per frame."""

    frames: tuple[Clip, ...]
    rounded: tuple[tuple[Clip, ...], ...]


class _Wanted(NamedTuple):
    """All that the runtimes are compared with, computed once."""

    cases: list[Case]
    clip: _ClipReference | None


def check_parity(
    deployment: Deployment,
    folder: Path,
    manifest: Manifest,
    images: Mapping[str, Pixels],
    progress: Progress,
    memory: RunMemory | None = None,
) -> ParityReport:
    """Compares a bundle with its network, in every runtime of its format.

    Tensors, tasks, decisions and histograms are compared on the images; tensors alone on extreme images
    too; tracks on a drawn clip if the bundle is for videos.

    Args:
        deployment: The network that the bundle was made from.
        folder: The bundle.
        manifest: Its manifest.
        images: Name to RGB image (h, w, 3), uint8; at least one.
        progress: Called with one line per step.
        memory: Keeps the outputs of the reference for other bundles of the same network.

    Returns:
        The report; look at `status`.

    Raises:
        InputError: If there is no image: tensors alone do not prove a task.
    """
    if not images:
        raise InputError("no image to compare tasks on; give at least one")
    device = reference_device()
    recipe = RECIPES[manifest.recipe]
    rows: list[Row] = []
    able = []
    for runtime in RUNTIMES[recipe.backend]:
        reason = runtime.cannot_run()
        if reason:
            rows += _not_run(runtime, manifest, reason)
        else:
            able.append(runtime)
    if able:
        references = References(deployment, manifest, device, memory or RunMemory())
        wanted = _reference(references, manifest, images, progress)
        for runtime in able:
            rows += _check_runtime(runtime, folder, manifest, recipe.gates, wanted, progress)
    return ParityReport(
        schema_version=SCHEMA_VERSION,
        model=manifest.model.name,
        recipe=manifest.recipe,
        size=manifest.preprocess.size,
        reference=reference_name(device),
        score_threshold=manifest.postprocess.score_threshold if manifest.postprocess else None,
        overlap_threshold=manifest.postprocess.overlap_threshold if manifest.postprocess else None,
        tensors=tuple(row for row in rows if isinstance(row, TensorParity)),
        tasks=tuple(row for row in rows if isinstance(row, TaskParity)),
        decisions=tuple(row for row in rows if isinstance(row, DecisionParity)),
        histograms=tuple(row for row in rows if isinstance(row, HistogramParity)),
        videos=tuple(row for row in rows if isinstance(row, VideoParity)),
    )


def _reference(
    references: References, manifest: Manifest, images: Mapping[str, Pixels], progress: Progress
) -> _Wanted:
    cases = []
    for name, image in images.items():
        progress(f"reference: {name}")
        cases.append(references.case(name, image, with_tasks=True))
    for name, image in extreme_images().items():
        if name not in images:
            progress(f"reference: {name}")
            cases.append(references.case(name, image, with_tasks=False))
    return _Wanted(cases, _clip_reference(references, manifest, progress))


def _clip_reference(references: References, manifest: Manifest, progress: Progress) -> _ClipReference | None:
    if "video" not in manifest.tasks:
        return None
    progress(f"reference: {CLIP_NAME}")
    frames = sample_clip()
    exact, *rounded = (
        joined_graphs(network.runners, manifest, finds="video")
        for network in (references.network, *references.rounded[:VIDEO_ROUNDING_RUNS])
    )
    runs = tuple(run_clip(network, frames) for network in rounded)
    return _ClipReference(run_clip(exact, frames), runs)


def _check_runtime(
    runtime: Runtime, folder: Path, manifest: Manifest, gates: Gates, wanted: _Wanted, progress: Progress
) -> Rows:
    progress(f"{runtime.name}: loading")
    try:
        runners = load_graphs(runtime, folder, manifest)
    except RapSamError as error:
        yield from _refused(runtime, manifest, str(error))
        return
    # Tensors and tasks are compared one after another: each graph keeps its latest outputs.
    exported = joined_graphs(
        {graph: RememberingRunner(runner, graph, RunMemory(0)) for graph, runner in runners.items()}, manifest
    )
    for case in wanted.cases:
        progress(f"{runtime.name}: {case.name}")
        yield from _check_tensors(runtime, exported.runners, gates, case)
        if case.tasks is None:
            continue
        context = TaskContext(
            runtime=runtime.name,
            provenance=runtime.provenance,
            case=case.name,
            geometry=case.geometry,
            num_things=manifest.labels.num_things if manifest.labels else 0,
            postprocess=manifest.postprocess or LENIENT,
            gates=gates,
        )
        try:
            yield from _check_tasks(exported, case, case.tasks, context)
        except RapSamError as error:
            yield from _refused(runtime, manifest, str(error), case.name)
    if wanted.clip is not None:
        progress(f"{runtime.name}: {CLIP_NAME}")
        videos = joined_graphs(exported.runners, manifest, finds="video")
        yield _check_video(runtime, videos, wanted.clip, gates)


def _check_tensors(runtime: Runtime, runners: Mapping[str, Runner], gates: Gates, case: Case) -> Rows:
    for graph, runner in runners.items():
        outputs, problem = _run(runner, case.inputs[graph])
        for name, reference in case.outputs[graph].items():
            figures: TensorFigures | None = None
            reason = problem or f"the graph has no output {name!r}"
            if name in outputs:
                figures, reason = judge_tensor(outputs[name], reference, gates)
            rounding_db = case.rounding_db[graph][name]
            status, reason = excuse_tensor(figures, reason, rounding_db)
            yield TensorParity(
                runtime=runtime.name,
                provenance=runtime.provenance,
                graph=graph,
                output=name,
                case=case.name,
                status=status,
                reason=reason,
                rounding_db=min(rounding_db, default=None),
                **(figures._asdict() if figures else {}),
            )


def _run(runner: Runner, inputs: dict[str, Floats]) -> tuple[dict[str, Floats], str]:
    try:
        return runner.run(inputs), ""
    except RapSamError as error:
        return {}, str(error)


def _check_tasks(exported: GraphNetwork, case: Case, wanted: TaskReference, context: TaskContext) -> Rows:
    if wanted.objects is not None:
        result, runs = exported.detect(case.pixels), wanted.rounded_objects
        yield compare_objects(result, wanted.objects, context, runs)
        yield compare_panoptic(result, wanted.objects, context, runs)
        yield from compare_histograms(result, wanted.objects, context, runs)
        in_use = context._replace(postprocess=usable_thresholds(wanted.objects, context))
        yield from object_decisions(result, wanted.objects, in_use, runs)
    if wanted.prompts is not None:
        masks = exported.embed(case.pixels).answer(case.prompts)
        yield compare_prompts(masks, wanted.prompts, context, wanted.rounded_prompts)
        yield from prompt_decisions(masks, wanted.prompts, context, wanted.rounded_prompts)


def _check_video(
    runtime: Runtime, exported: GraphNetwork, wanted: _ClipReference, gates: Gates
) -> VideoParity:
    try:
        result = run_clip(exported, sample_clip())
    except RapSamError as error:
        return VideoParity(
            runtime=runtime.name,
            provenance=runtime.provenance,
            clip=CLIP_NAME,
            status="failed",
            reason=str(error),
        )
    return compare_videos(
        result,
        wanted.frames,
        wanted.rounded,
        clip=CLIP_NAME,
        runtime=runtime.name,
        provenance=runtime.provenance,
        min_mask_iou=gates.min_mask_iou,
    )


def _not_run(runtime: Runtime, manifest: Manifest, reason: str) -> Rows:
    for entry in manifest.graphs:
        for spec in entry.contract.outputs:
            yield TensorParity(
                runtime=runtime.name,
                provenance=runtime.provenance,
                graph=entry.contract.graph,
                output=spec.name,
                case="all",
                status="not run",
                reason=reason,
            )
    for task in manifest.tasks:
        yield _task_row(runtime, task, "all", "not run", reason)


def _refused(runtime: Runtime, manifest: Manifest, reason: str, case: str = "all") -> Rows:
    for task in manifest.tasks:
        yield _task_row(runtime, task, case, "failed", reason)


def _task_row(runtime: Runtime, task: str, case: str, status: Status, reason: str) -> TaskParity:
    return TaskParity(
        runtime=runtime.name,
        provenance=runtime.provenance,
        task=task,
        case=case,
        status=status,
        reason=reason,
    )
