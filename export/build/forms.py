"""Which form of a graph goes into a bundle of few bits: that of the recipe where it gains, else another."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from rapsam.errors import ExportError, RapSamError
from rapsam.export.backends.catalogue import RUNTIMES, find_recipe
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.build.graph_stage import GraphRecord, graph_samples, lowered_graph
from rapsam.export.build.inputs import digest_of
from rapsam.export.build.stage import StageContext, run_stage
from rapsam.export.bundle.quantisation import FormTiming, GraphQuantisation
from rapsam.inference.runner import Arrays, Runner
from rapsam.machine import this_machine

GAIN = 0.9
"""A form that is to be taken for its speed has at most this much of the float graph's time."""
MOST_FOR_SIZE = 1.2
"""One that is to be taken for its size has at most this much: ratios of small graphs vary by a tenth."""
MIN_DB = 10.0
"""Of the worst output in its runtime against the quantised graph in PyTorch: below it, kernels are wrong.

Differences of rounding move pixels over the border of a hard mask, and with them whole queries.
"""
FLOAT = "fp32"
PAIRS = 31
_WARM_UP = 3
_SECONDS = 8.0


class FormChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found of a graph: its precision, why not that of the recipe, and times by precision."""

    precision: str
    why: str
    timings: dict[str, FormTiming] = {}

    def tell(self, cost: GraphQuantisation, wanted: str) -> GraphQuantisation:
        """Puts what was found into the record of the graph.

        Args:
            cost: Of the form that was chosen.
            wanted: Precision of the bundle.
        """
        taken = None if self.precision == wanted else self.timings.get(self.precision)
        return msgspec.structs.replace(
            cost, precision=self.precision, why=self.why, timing=self.timings.get(wanted), taken=taken
        )


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
        fixed = context.plan.choice(graph)
        wanted = (recipe.precision, recipe.otherwise) if fixed.precision is None else (fixed.precision,)
        records, refused = _lowered_forms(context, graph, tuple(filter(None, wanted)), folder)
        choice = _chosen(context, graph, records, refused, folder, runtime)
        if fixed.precision is not None:  # the budget was searched with this form
            choice = msgspec.structs.replace(choice, why=fixed.why)
        for made in (folder / choice.precision).iterdir():
            made.rename(context.folder / made.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(context, graph, choice)
    record = records[choice.precision]
    cost = record.quantisation or _float_graph(graph)
    return msgspec.structs.replace(record, quantisation=choice.tell(cost, recipe.precision))


def _say(context: StageContext, graph: str, choice: FormChoice) -> None:
    timing = choice.timings.get(choice.precision)
    share = "" if timing is None else f", {timing.ratio:.2f} of the time of float in {timing.runtime}"
    why = f"; {choice.why}" if choice.why else ""
    context.note(f"{graph}: {choice.precision}{share}{why}")


def _lowered_forms(
    context: StageContext, graph: str, precisions: Sequence[str], folder: Path
) -> tuple[dict[str, GraphRecord], dict[str, str]]:
    """Lowers a graph to precisions and to float; where there are several, says why some cannot be made."""
    records, refused = {}, {}
    for precision in dict.fromkeys((*precisions, FLOAT)):
        (folder / precision).mkdir()
        try:
            records[precision] = graph_of_precision(context, graph, precision, folder / precision)
        except ExportError as error:
            if precision == FLOAT or len(precisions) == 1:
                raise
            refused[precision] = f"{precision} cannot be made: {error}"
    return records, refused


def _float_graph(graph: str) -> GraphQuantisation:
    return GraphQuantisation(graph=graph, precision=FLOAT, why="", outputs=(), timing=None, left=())


def graph_of_precision(context: StageContext, graph: str, precision: str, folder: Path) -> GraphRecord:
    """Lowers a graph to a precision, whatever the plan says, into a folder."""
    recipe = find_recipe(context.plan.recipe.backend, precision, context.plan.recipe.ios)
    plan = msgspec.structs.replace(context.plan, recipe=recipe)
    return lowered_graph(msgspec.structs.replace(context, plan=plan, folder=folder), graph)


def _chosen(
    context: StageContext,
    graph: str,
    records: dict[str, GraphRecord],
    refused: dict[str, str],
    folder: Path,
    runtime: Runtime,
) -> FormChoice:
    wanted = tuple(precision for precision in (*refused, *records) if precision != FLOAT)
    key = digest_of(
        {
            "stage": "form",
            "graph": graph,
            "artifacts": {precision: record.entry.sha256 for precision, record in records.items()},
            "refused": refused,
            "machine": this_machine().cpu,
            "source": context.inputs.source_sha256,
        }
    )

    def make(_folder: Path) -> FormChoice:
        context.progress(f"{graph}: {' and '.join(wanted)} beside float")
        sample = next(iter(graph_samples(context.inputs, context.plan, graph)))
        paths = {precision: folder / precision / record.entry.path for precision, record in records.items()}
        return choose_form(context.plan.recipe, records, refused, paths, runtime, sample)

    return run_stage(context, key, f"{graph}: form", FormChoice, make)


def choose_form(
    recipe: Recipe,
    records: Mapping[str, GraphRecord],
    refused: Mapping[str, str],
    paths: Mapping[str, Path],
    runtime: Runtime,
    sample: Arrays,
) -> FormChoice:
    """Times the forms of a graph beside the float one, and chooses one.

    That of the recipe is taken if it gains time. Otherwise the recipe's second choice is, which gains size
    and loses less, unless it takes much more time than float; then that of the recipe after all, under the
    same condition; else the float graph. What is refused or wrong is not taken. A form that is the only one
    stands, and what speaks against it is told.

    Args:
        recipe: Of the bundle.
        records: Graphs by precision, "fp32" among them.
        refused: Why others cannot be made, by precision.
        paths: Artifacts by precision.
        runtime: Runs them.
        sample: Inputs.
    """
    found = dict[str, FormTiming | str](refused)
    forms = [each for each in (recipe.precision, recipe.otherwise) if each in {*records, *refused}]
    taken = forms[0] if len(forms) == 1 else FLOAT
    limits = (*zip(forms, (GAIN, MOST_FOR_SIZE), strict=False), (forms[0], MOST_FOR_SIZE))
    for precision, most in limits:
        if precision not in found:
            found[precision] = _examined(precision, records, paths, runtime, sample)
        timing = found[precision]
        if not isinstance(timing, str) and timing.ratio <= most:
            taken = precision
            break
    against = [each for each in found if each != taken or isinstance(found[each], str)]
    if taken == recipe.precision:
        against = [each for each in against if each == taken]
    return FormChoice(
        precision=taken,
        why="; ".join(_objection(each, found[each]) for each in against),
        timings={each: timing for each, timing in found.items() if not isinstance(timing, str)},
    )


def _examined(
    precision: str,
    records: Mapping[str, GraphRecord],
    paths: Mapping[str, Path],
    runtime: Runtime,
    sample: Arrays,
) -> FormTiming | str:
    """Times a form beside the float graph; says what speaks against it if it is wrong, or does not run."""
    record = records[precision]
    assert record.quantisation is not None
    for row in record.quantisation.outputs:
        if row.runtime_db is not None and row.runtime_db < MIN_DB:
            return f"{precision} is wrong: output {row.output} has {row.runtime_db:.1f} dB"
    try:
        contract = record.entry.contract
        runners = [runtime.load(paths[each], contract, threads=1) for each in (precision, FLOAT)]
        return _timed(runtime, runners, sample)
    except RapSamError as error:
        return f"{precision} does not run here: {error}"


def _objection(precision: str, found: FormTiming | str) -> str:
    if isinstance(found, str):
        return found
    return f"{precision} takes {found.ratio:.2f} of the time of float in {found.runtime}, which is no gain"


def _timed(runtime: Runtime, runners: list[Runner], sample: Arrays) -> FormTiming:
    times: list[tuple[float, float]] = []
    for runner in runners * _WARM_UP:
        runner.run(sample)
    end = time.perf_counter() + _SECONDS
    while len(times) < PAIRS and (len(times) < _WARM_UP or time.perf_counter() < end):
        # Each comes first as often: on a busy machine it is the first of two that waits.
        order = (0, 1) if len(times) % 2 else (1, 0)
        taken = {place: _seconds(runners[place], sample) for place in order}
        times.append((taken[0], taken[1]))
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
