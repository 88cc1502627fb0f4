"""Which form of a graph goes into a bundle of few bits: that of the recipe where it gains, else another."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from rapsam.errors import ExportError, RapSamError
from rapsam.export.backends.catalogue import RUNTIMES, find_recipe
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.build.graph_stage import GraphRecord, graph_samples, lowered_graph
from rapsam.export.build.inputs import digest_of
from rapsam.export.build.stage import StageContext, run_stage
from rapsam.export.bundle.quantisation import FormTiming, OutputCost
from rapsam.inference.runner import Arrays, Runner
from rapsam.machine import this_machine

GAIN = 0.9
"""A form that is to be taken for its speed has at most this much of the float graph's time."""
MIN_DB = 10.0
"""Of the worst output in its runtime against the quantised graph in PyTorch: below it, kernels are wrong.

Differences of rounding move pixels over the border of a hard mask, and with them whole queries.
"""
FLOAT = "fp32"
PAIRS = 31
_WARM_UP = 3
_SECONDS = 8.0


class FormChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found of a graph: its precision, why not that of the recipe, and the times."""

    precision: str
    why: str
    timing: FormTiming | None


def graph_in_its_form(context: StageContext, graph: str) -> GraphRecord:
    """Lowers a graph into the bundle; one of few bits is timed beside the float one.

    Where the recipe names another precision for graphs that gain nothing, these get it. All that is measured
    is measured in the first runtime that works here; where none does, the recipe stands.
    """
    recipe = context.plan.recipe
    if recipe.quantisation is None:
        return lowered_graph(context, graph)
    able = (each for each in RUNTIMES[recipe.backend] if each.cannot_run() is None)
    runtime = next((each for each in able if each.provenance == "measured"), None)
    if runtime is None:
        return lowered_graph(context, graph)
    folder = Path(tempfile.mkdtemp(prefix=".forms.", dir=context.folder))
    try:
        records, refused = {}, ""
        for precision in filter(None, (recipe.precision, recipe.otherwise, FLOAT)):
            (folder / precision).mkdir()
            try:
                records[precision] = graph_of_precision(context, graph, precision, folder / precision)
            except ExportError as error:
                if precision != recipe.precision or recipe.otherwise is None:
                    raise
                refused = f"{precision} cannot be made: {error}"
                context.note(f"{graph}: {refused}; it gets {recipe.otherwise}")
        if refused and recipe.otherwise is not None:
            choice = FormChoice(precision=recipe.otherwise, why=refused, timing=None)
        else:
            choice = _chosen(context, graph, records, folder, runtime)
        found = context.plan.choice(graph)
        if found.precision is not None:  # the budget was searched with this form
            choice = msgspec.structs.replace(choice, precision=found.precision, why=found.why)
        for made in (folder / choice.precision).iterdir():
            made.rename(context.folder / made.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    record = records[choice.precision]
    cost = record.quantisation
    assert cost is not None
    told = msgspec.structs.replace(cost, why=choice.why, timing=choice.timing)
    return msgspec.structs.replace(record, quantisation=told)


def graph_of_precision(context: StageContext, graph: str, precision: str, folder: Path) -> GraphRecord:
    """Lowers a graph to a precision, whatever the plan says, into a folder."""
    recipe = find_recipe(context.plan.recipe.backend, precision, context.plan.recipe.ios)
    plan = msgspec.structs.replace(context.plan, recipe=recipe)
    return lowered_graph(msgspec.structs.replace(context, plan=plan, folder=folder), graph)


def _chosen(
    context: StageContext, graph: str, records: dict[str, GraphRecord], folder: Path, runtime: Runtime
) -> FormChoice:
    recipe = context.plan.recipe
    key = digest_of(
        {
            "stage": "form",
            "graph": graph,
            "artifacts": {precision: record.entry.sha256 for precision, record in records.items()},
            "machine": this_machine().cpu,
            "source": context.inputs.source_sha256,
        }
    )

    def make(_folder: Path) -> FormChoice:
        context.progress(f"{graph}: {recipe.precision} beside float")
        sample = next(iter(graph_samples(context.inputs, context.plan, graph)))
        paths = {precision: folder / precision / record.entry.path for precision, record in records.items()}
        return choose_form(recipe, records[recipe.precision], paths, runtime, sample)

    return run_stage(context, key, f"{graph}: form", FormChoice, make)


def choose_form(
    recipe: Recipe, wanted: GraphRecord, paths: dict[str, Path], runtime: Runtime, sample: Arrays
) -> FormChoice:
    """Times a quantised graph beside the float one; where it gains nothing, the recipe's other one is chosen.

    Args:
        recipe: Of the bundle.
        wanted: The graph by this recipe.
        paths: Artifacts by precision, "fp32" among them.
        runtime: Runs them.
        sample: Inputs.
    """
    contract, cost = wanted.entry.contract, wanted.quantisation
    assert cost is not None
    timing, why = None, ""
    try:
        runners = [runtime.load(paths[name], contract, threads=1) for name in (recipe.precision, FLOAT)]
        timing = _timed(runtime, runners, sample)
    except RapSamError as error:
        why = f"{recipe.precision} does not run here: {error}"
    if timing is not None:
        why = _wrong(recipe, cost.outputs) or _no_gain(recipe, timing)
    if recipe.otherwise is None:
        return FormChoice(precision=recipe.precision, why="", timing=timing)
    return FormChoice(precision=recipe.otherwise if why else recipe.precision, why=why, timing=timing)


def _wrong(recipe: Recipe, outputs: Iterable[OutputCost]) -> str:
    """Names an output that a runtime computes otherwise than the quantised graph says; empty if none."""
    for row in outputs:
        if row.runtime_db is not None and row.runtime_db < MIN_DB:
            return f"{recipe.precision} is wrong: output {row.output} has {row.runtime_db:.1f} dB"
    return ""


def _no_gain(recipe: Recipe, timing: FormTiming) -> str:
    if timing.ratio <= GAIN:
        return ""
    gain = f"{timing.ratio:.2f} of the time of float in {timing.runtime}"
    return f"{recipe.precision} takes {gain}, which is no gain"


def _timed(runtime: Runtime, runners: list[Runner], sample: Arrays) -> FormTiming:
    times: list[tuple[float, float]] = []
    for runner in runners * _WARM_UP:
        runner.run(sample)
    end = time.perf_counter() + _SECONDS
    while len(times) < PAIRS and (len(times) < _WARM_UP or time.perf_counter() < end):
        ours, theirs = (_seconds(runner, sample) for runner in runners)
        times.append((ours, theirs))
    return FormTiming(
        runtime=runtime.name,
        machine=this_machine().cpu,
        ms=1e3 * statistics.median(ours for ours, _ in times),
        float_ms=1e3 * statistics.median(theirs for _, theirs in times),
        ratio=statistics.median(ours / theirs for ours, theirs in times),
        pairs=len(times),
    )


def _seconds(runner: Runner, sample: Arrays) -> float:
    start = time.perf_counter()
    runner.run(sample)
    return time.perf_counter() - start
