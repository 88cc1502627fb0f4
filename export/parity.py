"""Parity: the exported graphs against the trainable network in PyTorch, on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rapsam.contract import GraphContract
from rapsam.errors import RapSamError
from rapsam.export.backends.base import Runner
from rapsam.export.backends.runtimes import RUNTIMES, Runtime
from rapsam.export.manifest import Manifest
from rapsam.export.network import EagerRunner, GraphNetwork, reference_device, reference_name
from rapsam.export.parity_report import SCHEMA_VERSION, ParityReport, TaskParity, TensorParity
from rapsam.export.parity_tasks import TaskContext, compare_objects, compare_panoptic, compare_prompts
from rapsam.export.parity_tensors import TensorFigures, judge_tensor
from rapsam.export.recipes import RECIPES, Gates
from rapsam.export.sample_images import sample_boxes
from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.preprocess import letterbox

Progress = Callable[[str], None]
MIN_PROMPTS = 5
Rows = Iterator[TensorParity | TaskParity]


class Case(NamedTuple):
    """One input with what the reference makes of it.

    Attributes:
        name: For reports.
        geometry: Sizes of the image.
        boxes: (1, K, 4) prompts of the whole task, K at least five, points among them.
        inputs: Graph name to inputs; inner graphs get the reference's features.
        outputs: Graph name to the reference's outputs.
    """

    name: str
    geometry: ImageGeometry
    boxes: Floats
    inputs: dict[str, dict[str, Floats]]
    outputs: dict[str, dict[str, Floats]]


def check_parity(
    deployment: Deployment,
    folder: Path,
    manifest: Manifest,
    images: Mapping[str, Pixels],
    progress: Progress,
) -> ParityReport:
    """Compares a bundle with its network, per tensor and per task, in every runtime of its format.

    Args:
        deployment: The network that the bundle was made from.
        folder: The bundle.
        manifest: Its manifest.
        images: Name to RGB image (h, w, 3), uint8.
        progress: Called with one line per step.

    Returns:
        The report; look at `status`.
    """
    device = reference_device()
    recipe = RECIPES[manifest.recipe]
    contracts = {entry.contract.graph: entry.contract for entry in manifest.graphs}
    moved = deployment.to(device)
    references: dict[str, Runner] = {graph: EagerRunner(moved, graph, device) for graph in contracts}
    rows: list[TensorParity | TaskParity] = []
    cases: list[Case] = []
    for name, image in images.items():
        progress(f"reference: {name}")
        cases.append(_make_case(name, image, manifest, contracts, references))
    for runtime in RUNTIMES[recipe.backend]:
        rows += _check_runtime(runtime, folder, manifest, recipe.gates, cases, references, progress)
    return ParityReport(
        schema_version=SCHEMA_VERSION,
        model=manifest.model.name,
        recipe=manifest.recipe,
        size=manifest.preprocess.size,
        reference=reference_name(device),
        score_threshold=manifest.postprocess.score_threshold,
        overlap_threshold=manifest.postprocess.overlap_threshold,
        tensors=tuple(row for row in rows if isinstance(row, TensorParity)),
        tasks=tuple(row for row in rows if isinstance(row, TaskParity)),
    )


def _make_case(
    name: str,
    image: Pixels,
    manifest: Manifest,
    contracts: Mapping[str, GraphContract],
    references: Mapping[str, Runner],
) -> Case:
    fitted, geometry = letterbox(image, manifest.preprocess.size)
    # Some formats take 8-bit images: all shall see the same pixels, padding included.
    pixels = np.rint(fitted)
    boxes = sample_boxes(max(MIN_PROMPTS, num_prompts(manifest)))
    # One pass of the prompt graph takes fewer prompts than the whole task may have.
    known: dict[str, Floats] = {"image": pixels, "boxes": boxes[:, : num_prompts(manifest)]}
    inputs: dict[str, dict[str, Floats]] = {}
    outputs: dict[str, dict[str, Floats]] = {}
    for graph, contract in contracts.items():
        inputs[graph] = {spec.name: known[spec.name] for spec in contract.inputs}
        outputs[graph] = references[graph].run(inputs[graph])
        if graph == "encoder":
            known |= outputs[graph]
    return Case(name, geometry, boxes, inputs, outputs)


def _check_runtime(
    runtime: Runtime,
    folder: Path,
    manifest: Manifest,
    gates: Gates,
    cases: list[Case],
    references: Mapping[str, Runner],
    progress: Progress,
) -> Rows:
    reason = runtime.cannot_run()
    if reason:
        yield from _not_run(runtime, manifest, reason)
        return
    progress(f"{runtime.name}: loading")
    try:
        runners = {g.contract.graph: runtime.load(folder / g.path, g.contract) for g in manifest.graphs}
    except RapSamError as error:
        yield from _refused(runtime, manifest, str(error))
        return
    prompts = num_prompts(manifest)
    exported = GraphNetwork(runners, manifest.preprocess.size, prompts)
    reference = GraphNetwork(references, manifest.preprocess.size, prompts)
    for case in cases:
        progress(f"{runtime.name}: {case.name}")
        context = TaskContext(
            runtime=runtime.name,
            provenance=runtime.provenance,
            case=case.name,
            geometry=case.geometry,
            num_things=manifest.labels.num_things,
            postprocess=manifest.postprocess,
            gates=gates,
        )
        try:
            yield from _check_tensors(runtime, runners, gates, case)
            yield from _check_tasks(exported, reference, manifest, case, context)
        except RapSamError as error:
            yield from _refused(runtime, manifest, str(error), case.name)


def _check_tensors(runtime: Runtime, runners: Mapping[str, Runner], gates: Gates, case: Case) -> Rows:
    for graph, runner in runners.items():
        outputs, problem = _run(runner, case.inputs[graph])
        for name, reference in case.outputs[graph].items():
            figures: TensorFigures | None = None
            reason = problem or f"the graph has no output {name!r}"
            if name in outputs:
                figures, reason = judge_tensor(outputs[name], reference, gates)
            yield TensorParity(
                runtime=runtime.name,
                provenance=runtime.provenance,
                graph=graph,
                output=name,
                case=case.name,
                status="failed" if reason else "passed",
                reason=reason,
                **(figures._asdict() if figures else {}),
            )


def _run(runner: Runner, inputs: dict[str, Floats]) -> tuple[dict[str, Floats], str]:
    try:
        return runner.run(inputs), ""
    except RapSamError as error:
        return {}, str(error)


def _check_tasks(
    exported: GraphNetwork, reference: GraphNetwork, manifest: Manifest, case: Case, context: TaskContext
) -> Rows:
    first = manifest.graphs[0].contract.graph
    pixels = case.inputs[first]["image"]
    if manifest.finds_objects:
        result, wanted = exported.detect(pixels), reference.detect(pixels)
        yield compare_objects(result, wanted, context)
        yield compare_panoptic(result, wanted, context)
    if manifest.has_graph("prompt"):
        result_masks, wanted_masks = (net.segment(pixels, case.boxes) for net in (exported, reference))
        yield compare_prompts(result_masks, wanted_masks, context)


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
        yield TaskParity(
            runtime=runtime.name,
            provenance=runtime.provenance,
            task=task,
            case="all",
            status="not run",
            reason=reason,
        )


def _refused(runtime: Runtime, manifest: Manifest, reason: str, case: str = "all") -> Rows:
    for task in manifest.tasks:
        yield TaskParity(
            runtime=runtime.name,
            provenance=runtime.provenance,
            task=task,
            case=case,
            status="failed",
            reason=reason,
        )


def num_prompts(manifest: Manifest) -> int:
    """Gives the prompts per pass of a bundle's prompt graph; 0 without one."""
    if not manifest.has_graph("prompt"):
        return 0
    return manifest.graph("prompt").contract.outputs[0].shape[1]
