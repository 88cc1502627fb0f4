"""What the reference makes of one input, exactly and with random rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rapsam.contract import GraphContract
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.memory import RememberingRunner
from rapsam.export.parity.rounding import ROUNDING_RUNS, RoundedRunner, half_weights
from rapsam.export.parity.sample_images import sample_boxes
from rapsam.inference.network import EagerRunner, GraphNetwork, PromptLogits
from rapsam.inference.runner import Runner
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.preprocess import letterbox
from rapsam.tasks.tracker import Clip

MIN_PROMPTS = 5
EXTREME_RUNS = 2
"""Rounding runs of inputs that are compared tensor by tensor only."""


class TaskReference(NamedTuple):
    """Results of the whole chain of graphs for one input; None where the bundle lacks the task.

    Attributes:
        objects: Of the reference.
        rounded_objects: Of the rounded reference, one per run.
        prompts: Of the reference.
        rounded_prompts: Of the rounded reference, one per run.
    """

    objects: Clip | None
    rounded_objects: tuple[Clip, ...]
    prompts: PromptLogits | None
    rounded_prompts: tuple[PromptLogits, ...]


class Case(NamedTuple):
    """One input with what the reference makes of it.

    Attributes:
        name: For reports.
        geometry: Sizes of the image.
        boxes: (1, K, 4) prompts of the whole task, K at least five, points among them.
        inputs: Graph name to inputs; inner graphs get the reference's features.
        outputs: Graph name to the reference's outputs.
        rounding_db: Graph name, output name to the SQNR of every rounded run that differs at all.
        tasks: Whole results; None for an input that is compared tensor by tensor only.
    """

    name: str
    geometry: ImageGeometry
    boxes: Floats
    inputs: dict[str, dict[str, Floats]]
    outputs: dict[str, dict[str, Floats]]
    rounding_db: dict[str, dict[str, tuple[float, ...]]]
    tasks: TaskReference | None


class References:
    """The trainable network behind the graphs of a bundle, exact and rounded.

    Args:
        deployment: The network.
        manifest: Of the bundle.
        device: Where the network runs, "cpu" or "cuda".

    Attributes:
        network: The exact one.
        rounded: One per rounding run.
    """

    def __init__(self, deployment: Deployment, manifest: Manifest, device: str) -> None:
        self._manifest = manifest
        self._contracts = {entry.contract.graph: entry.contract for entry in manifest.graphs}
        moved = deployment.to(device)
        recipe = RECIPES[manifest.recipe]
        halved = half_weights(moved.state(), recipe.precision)
        eager = {graph: EagerRunner(moved, graph, device) for graph in self._contracts}
        # The reference takes any number of prompts: all in one pass are quicker than one by one.
        self.network = graph_network(eager, manifest, _task_prompts(manifest))
        self.rounded = tuple(
            graph_network(
                {g: RoundedRunner(r, recipe.arithmetic, seed, halved) for g, r in eager.items()},
                manifest,
                _task_prompts(manifest),
            )
            for seed in range(ROUNDING_RUNS)
        )

    def case(self, name: str, image: Pixels, *, with_tasks: bool) -> Case:
        """Computes everything that the runtimes are compared with on one image.

        Args:
            name: For reports.
            image: (h, w, 3) uint8 RGB.
            with_tasks: Whether whole tasks are compared too.
        """
        fitted, geometry = letterbox(image, self._manifest.preprocess.size)
        prompts = self._manifest.num_prompts
        boxes = sample_boxes(_task_prompts(self._manifest))
        # Some formats take 8-bit images: all shall see the same pixels, padding included.
        # One pass of the prompt graph takes fewer prompts than the whole task may have.
        known: dict[str, Floats] = {"image": np.rint(fitted), "boxes": boxes[:, :prompts]}
        inputs, outputs = _run_graphs(self.network.runners, self._contracts, known)
        return Case(
            name,
            geometry,
            boxes,
            inputs,
            outputs,
            self._rounding_db(inputs, outputs, self.rounded if with_tasks else self.rounded[:EXTREME_RUNS]),
            self._tasks(known["image"], boxes) if with_tasks else None,
        )

    def _rounding_db(
        self,
        inputs: Mapping[str, dict[str, Floats]],
        outputs: Mapping[str, dict[str, Floats]],
        networks: Sequence[GraphNetwork],
    ) -> dict[str, dict[str, tuple[float, ...]]]:
        found: dict[str, dict[str, tuple[float, ...]]] = {}
        for graph, wanted in outputs.items():
            runs = [network.runners[graph].run(inputs[graph]) for network in networks]
            found[graph] = {}
            for name, reference in wanted.items():
                figures = [compare_tensors(run[name], reference).sqnr_db for run in runs]
                found[graph][name] = tuple(figure for figure in figures if figure is not None)
        return found

    def _tasks(self, pixels: Floats, boxes: Floats) -> TaskReference:
        objects: list[Clip] = []
        prompts: list[PromptLogits] = []
        for network in (self.network, *self.rounded):
            if self._manifest.finds_objects:
                objects.append(network.detect(pixels))
            if self._manifest.has_graph("prompt"):
                prompts.append(network.segment(pixels, boxes))
        return TaskReference(
            objects=objects[0] if objects else None,
            rounded_objects=tuple(objects[1:]),
            prompts=prompts[0] if prompts else None,
            rounded_prompts=tuple(prompts[1:]),
        )


def graph_network(runners: Mapping[str, Runner], manifest: Manifest, num_prompts: int) -> GraphNetwork:
    """Joins the graphs of a bundle, `num_prompts` per pass; none computes the same twice in a row."""
    remembering = {graph: RememberingRunner(runner) for graph, runner in runners.items()}
    return GraphNetwork(remembering, manifest.preprocess.size, num_prompts)


def _task_prompts(manifest: Manifest) -> int:
    return max(MIN_PROMPTS, manifest.num_prompts)


def _run_graphs(
    runners: Mapping[str, Runner], contracts: Mapping[str, GraphContract], known: dict[str, Floats]
) -> tuple[dict[str, dict[str, Floats]], dict[str, dict[str, Floats]]]:
    known = dict(known)
    inputs: dict[str, dict[str, Floats]] = {}
    outputs: dict[str, dict[str, Floats]] = {}
    for graph, contract in contracts.items():
        inputs[graph] = {spec.name: known[spec.name] for spec in contract.inputs}
        outputs[graph] = runners[graph].run(inputs[graph])
        if graph == "encoder":
            known |= outputs[graph]
    return inputs, outputs
