"""Bundles of which some parts stay float: made, run and scored, each once."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from rapsam.contract import graphs_of
from rapsam.errors import BundleError, ExportError
from rapsam.export.backends.catalogue import find_recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.budget.meter import Meter
from rapsam.export.budget.search import Scored
from rapsam.export.build.bundle import manifest_of
from rapsam.export.build.forms import FLOAT, graph_of_precision
from rapsam.export.build.graph_stage import GraphRecord
from rapsam.export.build.inputs import digest_of, graph_key, judges
from rapsam.export.build.plan import ExportPlan, Found, GraphChoice
from rapsam.export.build.stage import StageContext, run_stage, say_nothing
from rapsam.export.bundle.load import bundle_segmenter
from rapsam.export.bundle.quantisation import FigureDrop
from rapsam.graph.capture import capture
from rapsam.graph.macs import macs_of_operators
from rapsam.inference.segmenter import Segmenter
from rapsam.machine import this_machine
from rapsam.quantize.policy import choose_operators
from rapsam.quantize.units import Unit, units_of

SUBSET = 100
"""Images at most on which single parts are scored, and ranked; they do not judge what is made of that."""


class _Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    drops: tuple[FigureDrop, ...]


class _Noise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    worst_db: float | None


class _Units(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    units: tuple[Unit, ...]


class Candidates:
    """Implements `Measure` of `rapsam.export.budget.search`.

    Args:
        context: Of the bundle that is searched; its plan says which precision each graph has. Its folder
            holds what is made, one bundle at a time.
        meter: Scores.
        runtime: Runs.
    """

    def __init__(self, context: StageContext, meter: Meter, runtime: Runtime) -> None:
        # The search says what is made; steps of steps, many of them taken from the cache, would hide it.
        self._context = msgspec.structs.replace(context, progress=say_nothing)
        self._meter, self._runtime = meter, runtime
        self._graphs = graphs_of(context.inputs.deployment.pipelines(context.plan.tasks))
        # Kernels of another processor or version may compute otherwise.
        self._judges = [*judges(context.plan), this_machine().cpu]
        self.scored: set[str] = set()

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All that could have few bits in the graphs of the plan."""
        return tuple(unit for graph in self._graphs for unit in self._units_of(graph))

    def everything(self) -> Scored:
        """See `Measure.everything`."""
        return self._measured(self.plan(()), range(self._meter.images))

    def whole(self, kept: Sequence[Unit]) -> Scored:
        """See `Measure.whole`."""
        return self._measured(self.plan(kept), range(len(self._ranking), self._meter.images))

    def noise(self, unit: Unit) -> float | None:
        """See `Measure.noise`."""
        plan = self._plan(_others(self.units, unit))
        key = digest_of({"stage": "noise", "graph": self._graph_key(plan, unit.graph), "by": self._judges})
        return run_stage(
            self._context,
            key,
            f"budget: noise of {unit.name}",
            _Noise,
            lambda _folder: _Noise(worst_db=self._noise(plan, unit.graph)),
        ).worst_db

    def alone(self, unit: Unit) -> Scored:
        """See `Measure.alone`."""
        return self._measured(self._plan(_others(self.units, unit)), self._ranking)

    def plan(self, kept: Sequence[Unit]) -> ExportPlan:
        """Returns the plan with these units in float."""
        modules: dict[str, set[str]] = {graph: set() for graph in self._graphs}
        for unit in kept:
            modules[unit.graph].update(unit.modules)
        return self._plan({graph: tuple(sorted(names)) for graph, names in modules.items()})

    def _plan(self, kept: Mapping[str, Sequence[str]]) -> ExportPlan:
        plan = self._context.plan
        graphs = {
            graph: msgspec.structs.replace(plan.choice(graph), kept=tuple(kept.get(graph, ())))
            for graph in self._graphs
        }
        return msgspec.structs.replace(plan, found=Found(graphs=graphs))

    def _units_of(self, graph: str) -> tuple[Unit, ...]:
        plan, inputs = self._context.plan, self._context.inputs
        recipe = find_recipe(plan.recipe.backend, self._precision(plan, graph), plan.recipe.ios)
        scheme, deployment = recipe.quantisation, inputs.deployment
        if scheme is None:
            return ()

        def make(_folder: Path) -> _Units:
            module, contract = deployment.build_graph(
                graph, plan.size, plan.num_prompts, recipe.sampling, narrow=recipe.narrow
            )
            program = capture(module, contract)
            choice = choose_operators(program.graph, scheme, deployment.parts)
            macs = macs_of_operators(program, contract)
            return _Units(units=units_of(graph, choice, deployment.parts, macs))

        key = digest_of({"stage": "units", "graph": graph_key(inputs, self._plan({}), graph), "by": recipe})
        return run_stage(self._context, key, f"budget: parts of {graph}", _Units, make).units

    @property
    def _ranking(self) -> range:
        return range(min(SUBSET, self._meter.images // 3))

    def _measured(self, plan: ExportPlan, images: range) -> Scored:
        key = digest_of(
            {
                "stage": "budget",
                "graphs": [self._graph_key(plan, graph) for graph in self._graphs],
                "runtime": self._runtime.name,
                "by": self._judges,
                "data": self._meter.key,
                "images": [images.start, images.stop],
            }
        )
        self.scored.add(key)

        def make(_folder: Path) -> _Measured:
            reference = self._reference
            with tempfile.TemporaryDirectory(dir=self._context.folder) as folder:
                try:
                    subject = self._segmenter(plan, Path(folder))
                    return _Measured(drops=self._meter.drops(subject, reference, images))
                except (ExportError, BundleError) as error:
                    self._context.note(f"budget: with these parts in float there is no bundle: {error}")
                    return _Measured(drops=self._nothing_works())

        return Scored(len(images), run_stage(self._context, key, "budget: score", _Measured, make).drops)

    def _nothing_works(self) -> tuple[FigureDrop, ...]:
        """Returns the losses of a bundle that a converter or a runtime refuses: no limit holds."""
        return tuple(
            FigureDrop(figure=figure, points=100.0, standard_error=None) for figure in self._meter.figures
        )

    @cached_property
    def _reference(self) -> Segmenter:
        folder = Path(tempfile.mkdtemp(dir=self._context.folder))
        graphs = {graph: GraphChoice(precision=FLOAT) for graph in self._graphs}
        return self._segmenter(
            msgspec.structs.replace(self._context.plan, found=Found(graphs=graphs)), folder
        )

    def _segmenter(self, plan: ExportPlan, folder: Path) -> Segmenter:
        records = [self._lowered(plan, graph, folder) for graph in self._graphs]
        manifest = manifest_of(self._context.inputs, plan, records)
        return bundle_segmenter(folder, manifest, self._runtime)

    def _noise(self, plan: ExportPlan, graph: str) -> float | None:
        with tempfile.TemporaryDirectory(dir=self._context.folder) as folder:
            try:
                cost = self._lowered(plan, graph, Path(folder)).quantisation
            except (ExportError, BundleError):
                return None
        assert cost is not None
        found = [row.artifact_db for row in cost.outputs]
        known = [value for value in found if value is not None and math.isfinite(value)]
        return min(known) if known and len(known) == len(found) else None

    def _lowered(self, plan: ExportPlan, graph: str, folder: Path) -> GraphRecord:
        context = msgspec.structs.replace(self._context, plan=plan)
        return graph_of_precision(context, graph, self._precision(plan, graph), folder)

    def _graph_key(self, plan: ExportPlan, graph: str) -> list[str]:
        precision = self._precision(plan, graph)
        return [precision, graph_key(self._context.inputs, plan, graph)]

    def _precision(self, plan: ExportPlan, graph: str) -> str:
        return plan.choice(graph).precision or plan.recipe.precision


def _others(units: Sequence[Unit], alone: Unit) -> dict[str, tuple[str, ...]]:
    """Lists the modules of all units but those of one, by graph."""
    left: dict[str, list[str]] = {}
    for unit in units:
        out = alone.modules if unit.graph == alone.graph else ()
        left.setdefault(unit.graph, []).extend(module for module in unit.modules if module not in out)
    return {graph: tuple(sorted(names)) for graph, names in left.items()}
