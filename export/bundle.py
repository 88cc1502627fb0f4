"""From a network to a bundle: a folder that an app can load, with proof that it computes the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from torch import Tensor

from rapsam import __version__
from rapsam.contract import GraphContract
from rapsam.errors import UnavailableError
from rapsam.export.backends import find_backend
from rapsam.export.backends.base import Artifact, Runner
from rapsam.export.capture import capture
from rapsam.export.manifest import (
    SCHEMA_VERSION,
    TRAINED,
    UNTRAINED,
    GraphEntry,
    Manifest,
    ModelEntry,
    ParitySummary,
    PostprocessSpec,
    write_manifest,
)
from rapsam.export.model_card import model_card
from rapsam.export.network import EagerRunner, reference_device
from rapsam.export.parity import check_parity
from rapsam.export.parity_report import ParityReport
from rapsam.export.plan import DEFAULT_TASKS, ExportPlan, plan_export
from rapsam.export.sample_images import sample_images
from rapsam.export.seal import file_entries
from rapsam.export.self_test import check_images, write_golden
from rapsam.files import atomic_folder, write_atomic
from rapsam.models.build import deployment_of
from rapsam.models.deployment import Deployment
from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.preprocess import PreprocessSpec

PARITY_NAME = "parity.json"
CARD_NAME = "MODEL_CARD.md"


def export_bundle(
    model: RapSam,
    out: str | Path,
    *,
    device: str | None = None,
    target: str | None = None,
    precision: str | None = None,
    ios: int | None = None,
    size: tuple[int, int] | None = None,
    tasks: Sequence[str] = DEFAULT_TASKS,
    num_prompts: int = 1,
    images: Mapping[str, Pixels] | None = None,
) -> tuple[Manifest, ParityReport]:
    """Exports one bundle for a device of the catalogue or for a format.

    Args:
        model: The network; it is not changed.
        out: Folder of the bundle; must not exist yet, or be empty.
        device: Id from the catalogue, such as "pixel-8".
        target: "coreml", "executorch", "onnx" or "tflite".
        precision: "fp32" or "fp16".
        ios: Core ML deployment target.
        size: Image (height, width), multiples of 32.
        tasks: Any of "panoptic", "prompt", "video".
        num_prompts: Prompts per pass.
        images: Name to RGB image (h, w, 3), uint8, for parity and self-test; drawn ones by default.

    Returns:
        The manifest, and the parity report: look at its `status`.

    Raises:
        InputError: If a choice cannot be used or the folder cannot be written.
        ExportError: If a converter refuses a graph. No folder is left.
        UnavailableError: If the converter is not installed.
    """
    plan = plan_export(
        device=device,
        target=target,
        precision=precision,
        ios=ios,
        size=size,
        tasks=tasks,
        num_prompts=num_prompts,
    )
    return run_plan(deployment_of(model), plan, Path(out), images or sample_images(), lambda _step: None)


def run_plan(
    deployment: Deployment,
    plan: ExportPlan,
    out: Path,
    images: Mapping[str, Pixels],
    progress: Callable[[str], None],
) -> tuple[Manifest, ParityReport]:
    """Makes the bundle of a plan; see `export_bundle`. `progress` gets one line per step."""
    reason = find_backend(plan.recipe.backend).unavailable()
    if reason:
        raise UnavailableError(reason)
    check_images(images)
    deployment = deployment.to("cpu")
    with atomic_folder(out) as folder:
        lowered = lower_graphs(deployment, plan, folder, progress)
        manifest = _manifest(deployment, plan, folder, lowered)
        progress("golden inputs and outputs")
        contracts = {entry.contract.graph: entry.contract for entry in manifest.graphs}
        write_golden(folder, images, plan.size, contracts, _references(deployment, contracts))
        report = check_parity(deployment, folder, manifest, images, progress)
        write_report(folder, report)
        write_atomic(folder / CARD_NAME, model_card(manifest, report).encode())
        summary = ParitySummary(
            status=report.status,
            reference=report.reference,
            failures=report.failures(),
            not_run=report.not_run(),
        )
        manifest = msgspec.structs.replace(manifest, parity=summary, files=file_entries(folder))
        write_manifest(folder, manifest)
    return manifest, report


def lower_graphs(
    deployment: Deployment, plan: ExportPlan, folder: Path, progress: Callable[[str], None]
) -> list[tuple[GraphContract, Artifact]]:
    """Builds, captures and lowers every graph that the plan's tasks need into a folder."""
    backend = find_backend(plan.recipe.backend)
    lowered = []
    for graph in deployment.graphs_for(plan.tasks):
        module, contract = deployment.build_graph(graph, plan.size, plan.num_prompts)
        progress(f"{graph}: capturing")
        program = capture(module, contract)
        progress(f"{graph}: lowering to {plan.recipe.name}")
        path = folder / f"{graph}{backend.suffix}"
        metadata = {
            "model": deployment.name,
            "weights": deployment.weights_origin,
            "labels": msgspec.json.encode(deployment.label_set).decode(),
        }
        lowered.append((contract, backend.lower(program, contract, plan.recipe, path, metadata)))
    return lowered


def thresholds(deployment: Deployment) -> PostprocessSpec:
    """Gives the published thresholds, or lower ones for weights that have learnt nothing."""
    return TRAINED if deployment.trained else UNTRAINED


def write_report(folder: Path, report: ParityReport) -> None:
    """Writes `parity.json`."""
    write_atomic(folder / PARITY_NAME, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def weights_sha256(state: Mapping[str, Tensor]) -> str:
    """Hashes names, shapes, dtypes and values of tensors, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _manifest(
    deployment: Deployment, plan: ExportPlan, folder: Path, lowered: list[tuple[GraphContract, Artifact]]
) -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        rapsam_version=__version__,
        device=plan.device,
        recipe=plan.recipe.name,
        tasks=plan.tasks,
        minimum_runtime=lowered[0][1].minimum_runtime,
        model=ModelEntry(
            name=deployment.name,
            weights_origin=deployment.weights_origin,
            classifier_origin=deployment.classifier_origin,
            weights_sha256=weights_sha256(deployment.state()),
            trained=deployment.trained,
        ),
        graphs=tuple(
            GraphEntry(
                path=artifact.path.relative_to(folder).as_posix(),
                contract=contract,
                sha256=artifact.sha256,
                size_bytes=artifact.size_bytes,
                tool_versions=artifact.tool_versions,
            )
            for contract, artifact in lowered
        ),
        labels=deployment.label_set,
        preprocess=PreprocessSpec(size=plan.size),
        postprocess=thresholds(deployment),
        parity=None,
        files=(),
    )


def _references(deployment: Deployment, graphs: Mapping[str, GraphContract]) -> dict[str, Runner]:
    device = reference_device()
    moved = deployment.to(device)
    return {graph: EagerRunner(moved, graph, device) for graph in graphs}
