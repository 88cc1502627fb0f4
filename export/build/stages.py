"""The stages of a bundle, each made once: lowered graphs, self-test, parity."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from rapsam.export.backends import find_backend
from rapsam.export.backends.lower_graph import lower_graph
from rapsam.export.build.cache import Note, StageCache
from rapsam.export.build.golden import write_golden
from rapsam.export.build.inputs import BuildInputs, digest_of, graph_key, judges, metadata, referees
from rapsam.export.build.plan import ExportPlan
from rapsam.export.bundle.manifest import GraphEntry, Manifest
from rapsam.export.bundle.manifest_check import is_plain_path
from rapsam.export.bundle.manifest_file import write_contract
from rapsam.export.parity.case import reference_question
from rapsam.export.parity.check import check_parity
from rapsam.export.parity.memory import RememberingRunner
from rapsam.export.parity.report import JudgedRow, ParityReport, TaskParity, TensorParity, VideoParity
from rapsam.files import sha256_of, size_of
from rapsam.graph.macs import count_macs
from rapsam.inference.reference import EagerRunner, reference_device
from rapsam.inference.runner import Runner

Progress = Callable[[str], None]
Record = TypeVar("Record", bound=msgspec.Struct)


class GraphRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lowered graph as the manifest tells of it, and the oldest runtime that computes it correctly."""

    entry: GraphEntry
    minimum_runtime: str


class NoRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For a stage that makes nothing but files."""


class StageContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where and from what the stages of one bundle are made.

    Attributes:
        inputs: The network and the images.
        plan: The bundle to be made.
        folder: The unfinished bundle.
        cache: Finished stages of other runs; None to make everything.
        progress: Gets one line per step.
        note: Gets what must stay to be read: what goes wrong with the cache.
    """

    inputs: BuildInputs
    plan: ExportPlan
    folder: Path
    cache: StageCache | None
    progress: Progress
    note: Note


def graph_stage(context: StageContext, graph: str) -> GraphRecord:
    """Lowers a graph into the bundle, its contract beside it."""
    key = graph_key(context.inputs, context.plan, graph)
    return _stage(
        context,
        key,
        graph,
        GraphRecord,
        lambda folder: _lower(context, graph, key, folder),
        problem_of=lambda record, folder: _graph_problem(record, folder, graph, key),
    )


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

    _stage(context, key, "golden inputs and outputs", NoRecord, make)


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

    return _stage(context, key, "parity", ParityReport, make, keep=_has_all_figures)


def _stage(
    context: StageContext,
    key: str,
    name: str,
    kind: type[Record],
    make: Callable[[Path], Record],
    keep: Callable[[Record], bool] = lambda _record: True,
    problem_of: Callable[[Record, Path], str | None] = lambda _record, _folder: None,
) -> Record:
    """Takes a stage from the cache, or makes it and keeps it, if it may; its files end in the bundle.

    `problem_of` says what is wrong with a record that was kept, beside the files that were kept with it.
    """

    def stored_problem(stored: bytes) -> str | None:
        return problem_of(msgspec.json.decode(stored, type=kind), work)

    work = Path(tempfile.mkdtemp(prefix=".stage.", dir=context.folder))
    try:
        stored = context.cache and context.cache.take(key, work, context.note, stored_problem)
        if stored:
            context.progress(f"{name}: made before, taken from the cache")
            record = msgspec.json.decode(stored, type=kind)
        else:
            record = make(work)
            if context.cache and keep(record):
                context.cache.put(key, work, msgspec.json.encode(record), context.note)
        for made in work.iterdir():
            made.rename(context.folder / made.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return record


def _graph_problem(record: GraphRecord, folder: Path, graph: str, key: str) -> str | None:
    """Compares what a record tells of a graph with the file beside it: an entry may have been forged."""
    entry = record.entry
    if (entry.contract.graph, entry.parent) != (graph, key):
        return "it is another graph"
    path = folder / entry.path
    if not is_plain_path(entry.path) or not path.exists():
        return "its graph is missing"
    if (sha256_of(path), size_of(path)) != (entry.sha256, entry.size_bytes):
        return "its graph is another than its record tells of"
    return None


def _lower(context: StageContext, graph: str, key: str, folder: Path) -> GraphRecord:
    deployment, plan = context.inputs.deployment, context.plan
    module, contract = deployment.build_graph(graph, plan.size, plan.num_prompts, plan.recipe.sampling)
    path = folder / f"{graph}{find_backend(plan.recipe.backend).suffix}"
    lowered = lower_graph(module, contract, plan.recipe, path, context.progress, metadata(deployment))
    artifact = lowered.artifact
    entry = GraphEntry(
        path=path.name,
        contract=contract,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        parent=key,
        macs_before=count_macs(*deployment.published_graph(graph, plan.size, plan.num_prompts)),
        macs_after=count_macs(lowered.program.module(check_guards=False), contract),
        delegation=artifact.delegation,
        tool_versions=artifact.tool_versions,
    )
    write_contract(folder, entry)
    return GraphRecord(entry=entry, minimum_runtime=artifact.minimum_runtime)


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
