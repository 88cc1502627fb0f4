"""The stage of one graph: lowered, and where it was quantised, what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from rapsam.contract import GraphContract
from rapsam.export.backends import find_backend
from rapsam.export.backends.lower_graph import NOT_CALIBRATED, GraphCalibration, Lowered, lower_graph
from rapsam.export.build.inputs import BuildInputs, graph_key, metadata
from rapsam.export.build.plan import ExportPlan
from rapsam.export.build.quantisation_cost import quantisation_cost
from rapsam.export.build.stage import StageContext, run_stage
from rapsam.export.bundle.manifest import GraphEntry
from rapsam.export.bundle.manifest_check import is_plain_path
from rapsam.export.bundle.manifest_file import write_contract
from rapsam.export.bundle.quantisation import GraphQuantisation, LeftFloat
from rapsam.files import sha256_of, size_of
from rapsam.graph.macs import count_macs
from rapsam.models.deployment import Deployment
from rapsam.quantize.calibration import WithPlainImages
from rapsam.quantize.samples import Samples
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.preprocess import PreprocessSpec


class GraphRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lowered graph.

    Attributes:
        entry: As the manifest tells of it.
        minimum_runtime: Oldest runtime that computes it correctly.
        quantisation: What few bits cost it; None for a float graph.
    """

    entry: GraphEntry
    minimum_runtime: str
    quantisation: GraphQuantisation | None


def lowered_graph(context: StageContext, graph: str) -> GraphRecord:
    """Lowers a graph by the recipe of the plan, into the folder of the context, its contract beside it."""
    key = graph_key(context.inputs, context.plan, graph)
    return run_stage(
        context,
        key,
        graph,
        GraphRecord,
        lambda folder: _lower(context, graph, key, folder),
        problem_of=lambda record, folder: _graph_problem(record, folder, graph, key),
    )


def graph_samples(inputs: BuildInputs, plan: ExportPlan, graph: str) -> Samples:
    """Makes the inputs of a graph for the calibration images, or without any for those of parity."""
    images = inputs.images if inputs.calibration is None else inputs.calibration.images
    return samples_for(inputs.deployment, plan, graph, images)


def samples_for(
    deployment: Deployment, plan: ExportPlan, graph: str, images: Mapping[str, Pixels]
) -> Samples:
    """Makes the inputs of a graph of a plan for images, RGB (h, w, 3), uint8, by name."""
    contracts = {
        name: deployment.build_graph(name, plan.size, plan.num_prompts)[1]
        for name in _up_to(deployment, plan, graph)
    }
    return Samples(deployment, tuple(contracts.values()), _preprocess(deployment, plan), images)


def _with_plain_images(inputs: BuildInputs, plan: ExportPlan, graph: str) -> Samples:
    """Makes the inputs that weights are chosen by: what is not among them may come out as anything."""
    assert inputs.calibration is not None
    images = WithPlainImages(inputs.calibration.images, plan.size)
    return samples_for(inputs.deployment, plan, graph, images)


def plan_preprocess(inputs: BuildInputs, plan: ExportPlan) -> PreprocessSpec:
    """Says how images are fitted to the graphs of a plan."""
    return _preprocess(inputs.deployment, plan)


def _preprocess(deployment: Deployment, plan: ExportPlan) -> PreprocessSpec:
    return PreprocessSpec.of(plan.size, deployment.normalisation, deployment.fit)


def _up_to(deployment: Deployment, plan: ExportPlan, graph: str) -> tuple[str, ...]:
    """Names the graphs that must run for a graph to get its inputs, and the graph itself, last."""
    pipelines = deployment.pipelines(plan.tasks)
    chain = next(pipeline.graphs for pipeline in pipelines if graph in pipeline.graphs)
    return chain[: chain.index(graph) + 1]


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
    inputs, plan, recipe = context.inputs, context.plan, context.plan.recipe
    deployment = inputs.deployment
    module, contract = deployment.build_graph(
        graph, plan.size, plan.num_prompts, recipe.sampling, narrow=recipe.narrow
    )
    path = folder / f"{graph}{find_backend(recipe.backend).suffix}"
    # To know its inputs, the graphs before it are built: work that a float graph has no use for.
    samples = graph_samples(inputs, plan, graph) if recipe.quantisation else None
    seen = _with_plain_images(inputs, plan, graph) if recipe.compensated else samples
    kept = frozenset(plan.choice(graph).kept)
    calibration = NOT_CALIBRATED if seen is None else GraphCalibration(seen, deployment.parts, kept)
    lowered = lower_graph(module, contract, recipe, path, context.progress, metadata(deployment), calibration)
    artifact = lowered.artifact
    entry = GraphEntry(
        path=path.name,
        contract=contract,
        recipe=recipe.name,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        parent=key,
        macs_before=count_macs(*deployment.published_graph(graph, plan.size, plan.num_prompts)),
        macs_after=count_macs(lowered.captured.module(check_guards=False), contract),
        delegation=artifact.delegation,
        tool_versions=artifact.tool_versions,
    )
    write_contract(folder, entry)
    quantisation = None if samples is None else _cost(context, contract, lowered, samples)
    return GraphRecord(entry=entry, minimum_runtime=artifact.minimum_runtime, quantisation=quantisation)


def _cost(
    context: StageContext, contract: GraphContract, lowered: Lowered, samples: Samples
) -> GraphQuantisation:
    context.progress(f"{contract.graph}: what few bits cost")
    return GraphQuantisation(
        graph=contract.graph,
        precision=context.plan.recipe.precision,
        why="",
        outputs=quantisation_cost(context.plan.recipe, contract, lowered, samples),
        timing=None,
        left=tuple(LeftFloat(module=left.module, kind=left.kind, why=left.why) for left in lowered.left),
    )
