"""From a plan with a budget to one that says what stays float, so that the budget holds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from rapsam.contract import graphs_of
from rapsam.errors import BudgetError, InputError
from rapsam.export.backends.packages import missing_package, refuse_if
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.budget.candidates import Candidates
from rapsam.export.budget.limits import check_limits, harm, told
from rapsam.export.budget.looks import Looks
from rapsam.export.budget.meter import Meter
from rapsam.export.budget.search import Cost, Outcome, search
from rapsam.export.build.cache import Note, StageCache
from rapsam.export.build.forms import FLOAT, graph_in_its_form
from rapsam.export.build.inputs import BuildInputs
from rapsam.export.build.plan import Budget, ExportPlan, Found, GraphChoice
from rapsam.export.build.stage import Progress, StageContext
from rapsam.export.bundle.load import working_runtime
from rapsam.export.bundle.quantisation import TITLES, BudgetReport, Figure, UnitCost
from rapsam.quantize.calibration import refuse_shared_images
from rapsam.quantize.units import Unit

_NAMED = 5
"""Parts that an error names."""


def with_budget(plan: ExportPlan, limits: Mapping[Figure, float], meter: Meter) -> ExportPlan:
    """Asks a budget of a plan.

    Args:
        plan: Of a precision of few bits.
        limits: Points of 100 that may be lost, by figure.
        meter: Tells what is lost.

    Raises:
        InputError: If a limit is no number of points, or there is nothing that could hold it.
        UnavailableError: If the plot of the bundle cannot be drawn here.
    """
    check_limits(limits, plan)
    for figure in limits:
        if figure not in meter.figures:
            raise InputError(
                f"a limit of {figure}, which the meter does not tell: {', '.join(meter.figures)}"
            )
    refuse_if(missing_package("quantize", ("matplotlib",)))  # for the plot in the bundle
    points = {figure: float(limit) for figure, limit in limits.items()}
    return msgspec.structs.replace(plan, budget=Budget(limits=points, data=meter.key))


def within_budget(
    inputs: BuildInputs, plan: ExportPlan, meter: Meter, cache: StageCache, progress: Progress, note: Note
) -> ExportPlan:
    """Searches for what must stay float.

    All that is made and scored is kept in the cache: an interrupted search goes on where it was.

    Args:
        inputs: The network and the images.
        plan: From `with_budget`.
        meter: The same.
        cache: Keeps the stages.
        progress: Gets a line per step.
        note: Gets what must stay to be read.

    Returns:
        The plan with what was found, to be made by `ensure_bundle`.

    Raises:
        BudgetError: If the budget cannot be held; it names the parts that cost most, and the best that was
            reached.
        InputError: If an image to calibrate with is among those of the budget.
        UnavailableError: If nothing here can run the graphs.
    """
    assert plan.budget is not None
    if inputs.calibration is not None:
        refuse_shared_images(inputs.calibration, meter.pixels_sha256, f"the budget's {meter.data}")
    runtime = working_runtime(plan.recipe.backend, plan.recipe.name)
    with tempfile.TemporaryDirectory(prefix="rapsam-budget-") as folder:
        context = StageContext(
            inputs=inputs, plan=plan, folder=Path(folder), cache=cache, progress=progress, note=note
        )
        choices = _forms(context)
        looks, outcome = Looks(plan.budget.limits), None
        while True:
            found = msgspec.structs.replace(plan, found=Found(graphs=choices))
            candidates = Candidates(msgspec.structs.replace(context, plan=found), meter, runtime)
            if not candidates.units:
                raise BudgetError(
                    f"{plan.recipe.name} gains nothing here in any form: {_reasons(choices)}; "
                    "take another precision"
                )
            outcome = search(candidates.units, plan.budget.limits, candidates, looks, progress, outcome)
            if not outcome.met:
                raise _unmet(plan, outcome, meter)
            searched = candidates.plan(outcome.kept)
            if not outcome.kept:  # the forms were timed like this already
                break
            again = _forms(msgspec.structs.replace(context, plan=_undecided(searched)))
            slower = {graph: again[graph] for graph in _slower(choices, again, plan.recipe)}
            if not slower:
                break
            choices, outcome = choices | slower, outcome.without(slower)
        report = _report(plan.budget.limits, outcome, candidates, meter, runtime)
    return msgspec.structs.replace(plan, found=Found(graphs=searched.found.graphs, report=report))


def _forms(context: StageContext) -> dict[str, GraphChoice]:
    """Decides by the clock, graph by graph, which precision gains."""
    choices = {}
    for graph in graphs_of(context.inputs.deployment.pipelines(context.plan.tasks)):
        with tempfile.TemporaryDirectory(dir=context.folder) as folder:
            record = graph_in_its_form(msgspec.structs.replace(context, folder=Path(folder)), graph)
        cost = record.quantisation
        assert cost is not None
        choices[graph] = GraphChoice(precision=cost.precision, why=cost.why)
    return choices


def _undecided(plan: ExportPlan) -> ExportPlan:
    graphs = {graph: GraphChoice(kept=choice.kept) for graph, choice in plan.found.graphs.items()}
    return msgspec.structs.replace(plan, found=Found(graphs=graphs))


def _slower(
    choices: Mapping[str, GraphChoice], again: Mapping[str, GraphChoice], recipe: Recipe
) -> list[str]:
    """Lists graphs that gain nothing by their form any more, with so much in float."""
    order = [recipe.precision, recipe.otherwise, FLOAT]
    return [
        graph
        for graph, choice in choices.items()
        if order.index(again[graph].precision) > order.index(choice.precision)
    ]


def _reasons(choices: Mapping[str, GraphChoice]) -> str:
    return "; ".join(f"{graph}: {choice.why}" for graph, choice in choices.items())


def _unmet(plan: ExportPlan, outcome: Outcome, meter: Meter) -> BudgetError:
    assert plan.budget is not None
    limits = plan.budget.limits
    costly = [(unit, cost) for unit, cost in outcome.costs if harm(cost.drops, limits) > 0]
    costly.sort(key=lambda each: harm(each[1].drops, limits), reverse=True)
    best = told(outcome.found.drops, limits, outcome.t)
    named = ", ".join(f"{unit.name} ({_points(cost, limits)})" for unit, cost in costly[:_NAMED])
    return BudgetError(
        f"{plan.recipe.name} cannot hold its budget on {outcome.found.images} images of {meter.data}: best "
        f"reached {best}, with {len(outcome.kept)} parts in float; what costs most: "
        f"{named or 'no part by itself: the images are too few to tell'}; allow more, or take more images"
    )


def _points(cost: Cost, limits: Mapping[Figure, float]) -> str:
    return ", ".join(
        f"{TITLES[drop.figure]} {drop.points:.2f}" for drop in cost.drops if drop.figure in limits
    )


def _report(
    limits: Mapping[Figure, float],
    outcome: Outcome,
    candidates: Candidates,
    meter: Meter,
    runtime: Runtime,
) -> BudgetReport:
    return BudgetReport(
        limits=dict(limits),
        data=meter.data,
        data_sha256=meter.key,
        images=outcome.found.images,
        runtime=runtime.name,
        drops=outcome.found.drops,
        t=outcome.t,
        kept_macs=sum(unit.total_macs for unit in outcome.kept),
        macs=sum(unit.total_macs for unit in candidates.units),
        units=_unit_costs(outcome.costs, outcome.kept),
        measurements=len(candidates.scored),
    )


def _unit_costs(costs: Sequence[tuple[Unit, Cost]], kept: Sequence[Unit]) -> tuple[UnitCost, ...]:
    return tuple(
        UnitCost(
            unit=unit.name,
            graph=unit.graph,
            modules=unit.modules,
            macs=unit.total_macs,
            worst_db=cost.worst_db,
            images=cost.images,
            drops=cost.drops,
            kept=unit in kept,
        )
        for unit, cost in costs
    )
