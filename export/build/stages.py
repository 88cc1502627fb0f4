"""The stages behind the graphs of a bundle: its self-test, its comparison with the network."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rapsam.export.build.golden import write_golden
from rapsam.export.build.inputs import digest_of, judges, referees
from rapsam.export.build.stage import NoRecord, StageContext, run_stage
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.case import reference_question
from rapsam.export.parity.check import check_parity
from rapsam.export.parity.memory import RememberingRunner
from rapsam.export.parity.report import JudgedRow, ParityReport, TaskParity, TensorParity, VideoParity
from rapsam.inference.reference import EagerRunner, reference_device
from rapsam.inference.runner import Runner


def golden_stage(context: StageContext, manifest: Manifest) -> None:
    """Writes the self-test of the bundle."""
    key = digest_of(
        {
            "stage": "golden",
            "weights": context.inputs.weights_sha256,
            "contracts": manifest.contracts,
            "prompts": manifest.prompts,
            "images": context.inputs.images_sha256,
            "source": context.inputs.source_sha256,
            "referees": referees(),
        }
    )

    def make(folder: Path) -> NoRecord:
        context.progress("golden inputs and outputs")
        device = reference_device()
        moved = context.inputs.deployment.to(device)
        references: dict[str, Runner] = {
            contract.graph: RememberingRunner(
                EagerRunner(moved, contract.graph, device),
                reference_question(contract.graph),
                context.inputs.memory,
            )
            for contract in manifest.contracts
        }
        write_golden(folder, context.inputs.images, manifest, references)
        return NoRecord()

    run_stage(context, key, "golden inputs and outputs", NoRecord, make)


def parity_stage(context: StageContext, manifest: Manifest) -> ParityReport:
    """Compares the graphs of the bundle with the network.

    A report with a comparison that came to no figures is not kept: a runtime that ran out of memory once need
    not do so again.
    """
    key = digest_of(
        {
            "stage": "parity",
            "weights": context.inputs.weights_sha256,
            "artifacts": [entry.sha256 for entry in manifest.graphs],
            "contracts": manifest.contracts,
            "model": manifest.model,
            "recipe": context.plan.recipe,
            "pipelines": manifest.pipelines,
            "labels": manifest.labels,
            "prompts": manifest.prompts,
            "size": context.plan.size,
            "postprocess": manifest.postprocess,
            "images": context.inputs.images_sha256,
            "source": context.inputs.source_sha256,
            "judges": judges(context.plan),
        }
    )

    def make(_folder: Path) -> ParityReport:
        report = check_parity(
            context.inputs.deployment,
            context.folder,
            manifest,
            context.inputs.images,
            context.progress,
            context.inputs.memory,
        )
        return _without_folder(report, context.folder)

    return run_stage(context, key, "parity", ParityReport, make, keep=_has_all_figures)


def _has_all_figures(report: ParityReport) -> bool:
    return all(_has_figures(row) for row in report.judged() if row.status == "failed")


def _has_figures(row: JudgedRow) -> bool:
    """Tells a result that is off from none at all: the runtime gave up, or gave what no one can compare."""
    if isinstance(row, TensorParity):
        return row.max_abs is not None
    if isinstance(row, TaskParity):
        return row.mask_iou is not None or row.pq is not None
    return bool(row.frame_ious) if isinstance(row, VideoParity) else row.shift is not None


def _without_folder(report: ParityReport, folder: Path) -> ParityReport:
    """Cuts the place of this machine out of reasons: it says nothing to whoever gets the bundle."""
    text = msgspec.json.encode(report).decode()
    place = msgspec.json.encode(f"{folder}/").decode().strip('"')
    return msgspec.json.decode(text.replace(place, ""), type=ParityReport)
