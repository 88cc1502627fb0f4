"""Where does an artifact begin to differ? The same graph, lowered once more, tells from module to module.

Every graph of a bundle is built, captured and lowered as it was for the bundle, with the outputs of its
modules as outputs of the graph. It runs in each runtime of the format and is compared with the same graph in
PyTorch, float32, before any conversion; and that graph, rounded at random, says how good each module can be.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from rapsam.contract import GraphContract, Role
from rapsam.errors import ExportError, InputError, RapSamError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES
from rapsam.export.backends.lower_graph import lower_graph
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.manifest import GraphEntry, Manifest
from rapsam.export.bundle.quantisation import QUANTISATION_NAME
from rapsam.export.localise.report import SCHEMA_VERSION, GraphLocalisation, LocalisationReport, TapParity
from rapsam.export.localise.taps import Tap, TappedModule, tap_modules, tap_sources
from rapsam.export.parity.rounding import ROUNDING_RUNS, RandomRounding, half_weights
from rapsam.export.parity.sample_images import sample_prompts
from rapsam.inference.chain import run_chain
from rapsam.inference.reference import EagerRunner
from rapsam.inference.runner import Arrays
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.preprocess import fitted

Progress = Callable[[str], None]
WORSE_DB = 20.0
"""A module diverges where its error is ten times that of the worst rounded run: runs are samples."""
SAME_DB = 6.0
"""A divergence is the same in the bundle and in the graph lowered here within a factor of 2."""
# What a tensor has that was rounded once: 6 dB a bit, and 4.8 as errors are spread evenly. Nothing in a graph
# of that precision is better, so equal tensors count as this much in a drop.
_ONCE_DB = {"fp32": 149.3, "fp16": 71.0}


class _Tapped(msgspec.Struct, frozen=True, kw_only=True):
    """A graph with taps, lowered, and what is known of it before it runs: `original` is without taps."""

    path: Path
    original: GraphContract
    contract: GraphContract
    labels: dict[str, str]
    sources: dict[str, tuple[str, ...]]
    inputs: dict[str, Floats]
    expected: Arrays
    rounding: dict[str, float | None]
    reference: Arrays
    best_db: float


def localise(
    deployment: Deployment,
    folder: Path,
    manifest: Manifest,
    case: tuple[str, Pixels],
    progress: Progress,
    *,
    threshold_db: float | None = None,
) -> LocalisationReport:
    """Compares a bundle's graphs with PyTorch, module by module.

    Args:
        deployment: The network that the bundle was made from.
        folder: The bundle.
        manifest: Its manifest.
        case: Name of the input, and RGB image (h, w, 3), uint8.
        progress: Called with one line per step.
        threshold_db: SQNR that every module must have; by default `WORSE_DB` less than the rounded
            reference has at this module.

    Raises:
        ExportError: If a graph cannot be lowered with its taps, or gives NaN in PyTorch already.
        InputError: If the bundle has few bits.
        UnavailableError: If the format's converter is not installed.
    """
    recipe = RECIPES[manifest.recipe]
    if recipe.quantisation is not None:
        raise InputError(
            f"{folder} has precision {recipe.precision}; its modules differ from PyTorch by design, and "
            f"{QUANTISATION_NAME} says what that costs: localise the fp32 bundle of this target"
        )
    deployment = deployment.to("cpu")
    entries = {entry.contract.graph: entry for entry in manifest.graphs}
    # The network's own contracts: those of the bundle may be others, which is said of each graph.
    size, prompts = manifest.preprocess.size, manifest.num_prompts or 1
    built = {graph: deployment.build_graph(graph, size, prompts, recipe.sampling) for graph in entries}
    graphs: list[GraphLocalisation] = []

    def look_into(contract: GraphContract, inputs: Arrays) -> Arrays:
        entry, module = entries[contract.graph], built[contract.graph][0]
        with tempfile.TemporaryDirectory() as work:
            tapped = _lower(deployment, module, contract, recipe, Path(work), inputs, progress)
            for runtime in RUNTIMES[recipe.backend]:
                progress(f"{runtime.name}: {contract.graph}")
                graphs.append(_run(runtime, tapped, entry, folder, threshold_db))
        return tapped.reference

    for _ in run_chain([contract for _, contract in built.values()], _given(case[1], manifest), look_into):
        pass
    return LocalisationReport(
        schema_version=SCHEMA_VERSION,
        recipe=manifest.recipe,
        case=case[0],
        threshold_db=threshold_db,
        graphs=tuple(graphs),
    )


def _given(image: Pixels, manifest: Manifest) -> dict[Role, Floats]:
    pixels, geometry = fitted(image, manifest.preprocess)
    count = manifest.num_prompts
    prompts = sample_prompts(manifest.prompts, max(2, count), geometry)
    return {"image": np.rint(pixels), **{role: tensor[:, :count] for role, tensor in prompts.items()}}


def _lower(
    deployment: Deployment,
    module: nn.Module,
    contract: GraphContract,
    recipe: Recipe,
    work: Path,
    inputs: Arrays,
    progress: Progress,
) -> _Tapped:
    graph = contract.graph
    tapped, extended, taps = tap_modules(module, contract)
    expected, reference = _eager(tapped, extended, inputs), EagerRunner(deployment, graph, "cpu").run(inputs)
    _check_finite(contract, expected, reference)
    progress(f"{graph}: {len(taps)} modules become outputs")
    path = work / f"{graph}{find_backend(recipe.backend).suffix}"
    program = lower_graph(tapped, extended, recipe, path, progress).program
    return _Tapped(
        path=path,
        original=contract,
        contract=extended,
        labels=_labels(contract, taps),
        sources=tap_sources(program, extended),
        inputs=inputs,
        expected=expected,
        rounding=_rounding(tapped, extended, inputs, expected, recipe),
        reference=reference,
        best_db=_ONCE_DB[recipe.precision],
    )


def _check_finite(contract: GraphContract, *sides: Arrays) -> None:
    for spec in contract.outputs:
        if not all(np.isfinite(side[spec.name]).all() for side in sides):
            raise ExportError(
                f"output {spec.name!r} of graph {contract.graph!r} is NaN or infinite in PyTorch, before any "
                "conversion; look at the weights"
            )


def _labels(contract: GraphContract, taps: list[Tap]) -> dict[str, str]:
    """Output name to what tables call it, in the order of execution."""
    return {tap.name: tap.module for tap in taps} | {spec.name: f"({spec.name})" for spec in contract.outputs}


def _eager(module: TappedModule, contract: GraphContract, inputs: Mapping[str, Floats]) -> Arrays:
    with torch.no_grad():
        values = module(*(torch.from_numpy(inputs[spec.name]) for spec in contract.inputs))
    pairs = zip(contract.outputs, values, strict=True)
    return {spec.name: value.numpy().astype(np.float32) for spec, value in pairs}


def _rounding(
    module: TappedModule,
    contract: GraphContract,
    inputs: Mapping[str, Floats],
    expected: Arrays,
    recipe: Recipe,
) -> dict[str, float | None]:
    halved = half_weights(dict(module.named_parameters()), recipe.precision)
    worst: dict[str, float | None] = dict.fromkeys(expected)
    for seed in range(ROUNDING_RUNS):
        with RandomRounding(recipe.arithmetic, seed, halved):
            rounded = _eager(module, contract, inputs)
        for name, values in rounded.items():
            figures = [
                figure for figure in (worst[name], _sqnr(values, expected[name])) if figure is not None
            ]
            worst[name] = min(figures, default=None)
    return worst


def _run(
    runtime: Runtime, tapped: _Tapped, entry: GraphEntry, folder: Path, threshold_db: float | None
) -> GraphLocalisation:
    reason = runtime.cannot_run()
    found: Arrays = {}
    if not reason:
        try:
            found = runtime.load(tapped.path, tapped.contract).run(tapped.inputs)
        except RapSamError as error:
            reason = f"with its modules as outputs: {error}"
    if reason:
        return GraphLocalisation(
            runtime=runtime.name, provenance=runtime.provenance, graph=entry.contract.graph, reason=reason
        )
    limits = {name: _limit(tapped.rounding[name], tapped.best_db, threshold_db) for name in tapped.labels}
    levels = {name: _level(_sqnr(found[name], tapped.expected[name]), tapped.best_db) for name in limits}
    drops = {name: _drop(name, levels, tapped) for name in tapped.labels}
    note = _bundle_note(runtime, tapped, entry, folder, levels, limits)
    return GraphLocalisation(
        runtime=runtime.name,
        provenance=runtime.provenance,
        graph=entry.contract.graph,
        taps=tuple(_tap_row(name, found[name], drops[name], tapped) for name in tapped.labels),
        first_bad=next((label for name, label in tapped.labels.items() if levels[name] < limits[name]), None),
        largest_drop=tapped.labels[max(drops, key=drops.__getitem__)],
        same_as_bundle=not note,
        bundle_note=note,
        rewrites_db=_worst(tapped, [spec.name for spec in tapped.original.outputs]),
    )


def _drop(name: str, levels: Mapping[str, float], tapped: _Tapped) -> float:
    """Returns the loss of a module; infinite where NaN begins, and 0 where it only goes on."""
    above = min((levels[source] for source in tapped.sources[name]), default=tapped.best_db)
    return max(0.0, above - levels[name]) if math.isfinite(above) else 0.0


def _tap_row(name: str, found: Floats, drop_db: float, tapped: _Tapped) -> TapParity:
    finite = bool(np.isfinite(found).all() and np.isfinite(tapped.expected[name]).all())
    figures = compare_tensors(found, tapped.expected[name]) if finite else None
    return TapParity(
        module=tapped.labels[name],
        shape=found.shape,
        max_abs=figures.max_abs if figures else None,
        cosine=figures.cosine if figures else None,
        sqnr_db=_finite(figures.sqnr_db) if figures else None,
        rounding_db=_finite(tapped.rounding[name]),
        drop_db=drop_db if figures else None,
    )


def _bundle_note(
    runtime: Runtime,
    tapped: _Tapped,
    entry: GraphEntry,
    folder: Path,
    levels: Mapping[str, float],
    limits: Mapping[str, float],
) -> str:
    """Says where the bundle's own graph is another than the one that was lowered here; empty if nowhere."""
    bundled, lowered = _tensors(entry.contract), _tensors(tapped.original)
    if bundled != lowered:
        differing = [name for name in bundled | lowered if bundled.get(name) != lowered.get(name)]
        told = ", ".join(f"{name} {bundled.get(name)}, not {lowered.get(name)}" for name in differing)
        return f"its inputs and outputs are others: {told}"
    try:
        own = runtime.load(folder / entry.path, entry.contract).run(tapped.inputs)
    except RapSamError as error:
        return f"the bundle's graph does not run: {error}"
    for name, values in own.items():
        level = _level(_sqnr(values, tapped.expected[name]), tapped.best_db)
        diverges = min(level, levels[name]) < limits[name]
        if diverges and abs(level - levels[name]) > SAME_DB:
            return f"output {name!r} has {_told(level)} in the bundle, {_told(levels[name])} lowered again"
    return ""


def _tensors(contract: GraphContract) -> dict[str, tuple[int, ...]]:
    """Shapes of inputs and outputs by name."""
    return {spec.name: spec.shape for spec in (*contract.inputs, *contract.outputs)}


def _told(level: float) -> str:
    return f"{level:.1f} dB" if math.isfinite(level) else "NaN or infinite values"


def _finite(figure: float | None) -> float | None:
    """Returns what JSON can hold."""
    return figure if figure is not None and math.isfinite(figure) else None


def _worst(tapped: _Tapped, outputs: Sequence[str]) -> float | None:
    found = [_sqnr(tapped.expected[name], tapped.reference[name]) for name in outputs]
    return min((figure for figure in found if figure is not None), default=None)


def _limit(rounding_db: float | None, best_db: float, threshold_db: float | None) -> float:
    return threshold_db if threshold_db is not None else _level(rounding_db, best_db) - WORSE_DB


def _sqnr(result: Floats, expected: Floats) -> float | None:
    """SQNR in dB; None for equal tensors, else minus infinity if a value is NaN or infinite."""
    if np.array_equal(result, expected, equal_nan=True):
        return None
    if not (np.isfinite(result).all() and np.isfinite(expected).all()):
        return -math.inf
    return compare_tensors(result, expected).sqnr_db


def _level(sqnr_db: float | None, best_db: float) -> float:
    return best_db if sqnr_db is None else min(sqnr_db, best_db)
