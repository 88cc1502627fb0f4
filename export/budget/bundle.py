"""Exporting within a budget, from Python."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from rapsam.export.budget.meter import Meter
from rapsam.export.budget.within import with_budget, within_budget
from rapsam.export.build.bundle import BuiltBundle, ensure_bundle
from rapsam.export.build.cache import StageCache
from rapsam.export.build.finished import finished_bundle
from rapsam.export.build.inputs import gather_inputs
from rapsam.export.build.plan import ExportChoices, plan_export
from rapsam.export.build.stage import say_nothing
from rapsam.export.bundle.quantisation import Figure
from rapsam.export.parity.sample_images import sample_images
from rapsam.models.build import deployment_of
from rapsam.models.network import SegmentationNetwork
from rapsam.quantize.calibration import CalibrationSet
from rapsam.tasks.arrays import Pixels


def export_within_budget(
    model: SegmentationNetwork,
    out: str | Path,
    limits: Mapping[Figure, float],
    meter: Meter,
    *,
    images: Mapping[str, Pixels] | None = None,
    calibration: CalibrationSet | None = None,
    cache: StageCache | None = None,
    max_points: int | None = None,
    enlarge_masks: bool = False,
    **choices: Unpack[ExportChoices],
) -> BuiltBundle:
    """Exports a bundle of few bits that loses no more than it may; what must stay float is searched.

    Args:
        model: See `rapsam.export_bundle`.
        out: See there.
        limits: Points of 100 that may be lost against the float graphs, by figure: the upper ends of 95 %
            intervals.
        meter: Tells what is lost, as `rapsam.evaluation.budget_meter.DropMeter` does on annotated images.
        images: See `rapsam.export_bundle`.
        calibration: See there; none of them may be among the meter's images.
        cache: Keeps stages and scores, so that an interrupted search goes on; None keeps them for this call.
        max_points: See `rapsam.export_bundle`.
        enlarge_masks: See there.
        choices: See `rapsam.export_bundle`; the precision is one of few bits.

    Raises:
        BudgetError: If the budget cannot be held. No folder is left.
        InputError: As `rapsam.export_bundle`, or if the limits cannot be used.
        ExportError: As there.
        UnavailableError: As there, or if nothing here can run the graphs.
    """
    plan = with_budget(plan_export(variant=model.name, **choices), limits, meter)
    deployment = deployment_of(model, max_points, enlarge_masks=enlarge_masks)
    inputs = gather_inputs(deployment, images or sample_images(), calibration)
    finished = finished_bundle(inputs, plan, Path(out))
    with tempfile.TemporaryDirectory(prefix="rapsam-stages-") as folder:
        stages = cache or StageCache(Path(folder))
        if finished is None:
            plan = within_budget(inputs, plan, meter, stages, say_nothing, say_nothing)
        return ensure_bundle(
            inputs, plan, Path(out), finished, stages, progress=say_nothing, note=say_nothing
        )
