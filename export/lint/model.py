"""Lint of a model: its graphs are captured, not converted, and examined for what a phone has."""

from __future__ import annotations

from collections.abc import Callable

from rapsam.contract import graphs_of
from rapsam.export.build.graph_stage import samples_for
from rapsam.export.build.plan import ExportPlan
from rapsam.export.devices import find_device
from rapsam.export.lint.examined import Examined, element_sizes
from rapsam.export.lint.findings import graph_findings, recipe_findings
from rapsam.export.lint.footprint import (
    graph_figures,
    memory_estimate,
    memory_findings,
    roofline_unknown,
)
from rapsam.export.lint.ranges import measure_ranges, worst_values
from rapsam.export.lint.report import (
    Finding,
    GraphFigures,
    LintReport,
    WorstValue,
    readiness_of,
    sorted_findings,
)
from rapsam.export.lint.units import accelerators_of, judged_for, judged_units, unit_notes, used_by
from rapsam.graph.capture import capture
from rapsam.models.deployment import Deployment
from rapsam.quantize.calibration import CalibrationSet

Progress = Callable[[str], None]


def lint_model(
    deployment: Deployment,
    plan: ExportPlan,
    calibration: CalibrationSet,
    progress: Progress,
    units: str | None = None,
) -> LintReport:
    """Examines the graphs that an export would lower.

    Args:
        deployment: The network, on the CPU.
        plan: What would be exported.
        calibration: Images on which values are looked for that float16 cannot hold.
        progress: Called with one line per step.
        units: Compute units of the target for which is judged; None for those that the catalogue advises.

    Raises:
        ExportError: If a graph cannot be captured.
        InputError: If the network lacks a task, an image cannot be used, or there are no such units.
    """
    device = None if plan.device is None else find_device(plan.device)
    judged = judged_units(plan.recipe.backend, device, units)
    accelerators = accelerators_of(plan.recipe.backend, device)
    chip = None if device is None else device.chip
    trained = deployment.weights.trained
    findings: list[Finding] = recipe_findings(plan.recipe, accelerators, chip)
    figures: list[GraphFigures] = []
    worst: list[WorstValue] = []
    for name in graphs_of(deployment.pipelines(plan.tasks)):
        progress(f"{name}: capturing")
        graph = captured_graph(deployment, plan, name)
        progress(f"{name}: running on {len(calibration.images)} images")
        ranges = measure_ranges(graph, samples_for(deployment, plan, name, calibration.images))
        findings += graph_findings(graph, plan.recipe, accelerators, ranges, chip=chip, trained=trained)
        figures.append(graph_figures(graph, device))
        worst += worst_values(graph, ranges)
    memory = memory_estimate(figures, device)
    findings = judged_for([*findings, *memory_findings(memory)], accelerators, judged)
    return LintReport(
        subject=deployment.name,
        kind="model",
        device=plan.device,
        target=plan.recipe.backend,
        recipe=plan.recipe.name,
        size=plan.size,
        tasks=plan.tasks,
        compute_units=judged,
        accelerators=tuple(accelerator.name for accelerator in used_by(accelerators, judged)),
        readiness=readiness_of(findings),
        findings=sorted_findings(findings),
        graphs=tuple(figures),
        memory=memory,
        estimate_unknown=roofline_unknown(device),
        calibration=calibration.name,
        calibration_images=len(calibration.images),
        worst=tuple(worst),
        notes=(
            *calibration.warnings,
            *unit_notes(plan.recipe.backend, device, judged, units),
            *_notes(plan, trained=trained),
        ),
    )


def captured_graph(deployment: Deployment, plan: ExportPlan, name: str) -> Examined:
    """Captures one graph as an export by this plan would."""
    recipe = plan.recipe
    module, contract = deployment.build_graph(
        name, plan.size, plan.num_prompts, recipe.sampling, narrow=recipe.narrow
    )
    return Examined(capture(module, contract), contract, deployment.parts, element_sizes(recipe))


def _notes(plan: ExportPlan, *, trained: bool) -> list[str]:
    notes = []
    if not trained:
        notes.append(
            "the weights have learnt nothing: ranges are those of no trained network, so they are notes"
        )
    if plan.recipe.quantisation is not None:
        notes.append(
            f"the float graph was examined; {plan.recipe.precision} changes the operators that it quantises"
        )
    return notes
