"""What the reference makes of one input, exactly and with random rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from torch import Tensor

from rapsam.contract import PROMPT_ROLES, GraphContract
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.recipes import Recipe
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.memory import RememberingRunner, RunMemory
from rapsam.export.parity.rounding import ROUNDING_RUNS, RoundedRunner, half_weights
from rapsam.export.parity.sample_images import sample_prompts
from rapsam.inference.chain import run_chain
from rapsam.inference.network import Encoded, GraphNetwork, PromptLogits
from rapsam.inference.reference import EagerRunner
from rapsam.inference.runner import Runner
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.preprocess import fitted
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
        pixels: (1, 3, H, W) the image as graphs get it.
        prompts: Role to encoded prompts of the whole task, at least five, points among them.
        inputs: Graph name to inputs; what flows from graph to graph is the reference's.
        outputs: Graph name to the reference's outputs.
        rounding_db: Graph name, output name to the SQNR of every rounded run that differs at all.
        tasks: Whole results; None for an input that is compared tensor by tensor only.
    """

    name: str
    geometry: ImageGeometry
    pixels: Floats
    prompts: Encoded
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
        memory: Keeps what was computed for other bundles of the same network.

    Attributes:
        network: The exact one.
        rounded: One per rounding run.
    """

    def __init__(self, deployment: Deployment, manifest: Manifest, device: str, memory: RunMemory) -> None:
        self._manifest = manifest
        moved = deployment.to(device)
        recipe = RECIPES[manifest.recipe]
        halved = half_weights(moved.state(), recipe.precision)
        eager = {c.graph: EagerRunner(moved, c.graph, device) for c in manifest.contracts}
        exact: dict[str, Runner] = {
            graph: RememberingRunner(runner, reference_question(graph), memory)
            for graph, runner in eager.items()
        }
        self.network = self._joined(exact)
        self.rounded = tuple(
            self._joined(
                {graph: _rounded(graph, eager[graph], recipe, seed, halved, memory) for graph in eager}
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
        pixels, geometry = fitted(image, self._manifest.preprocess)
        # Some formats take 8-bit images: all must see the same pixels, padding included.
        pixels = np.rint(pixels)
        prompts = sample_prompts(self._manifest.prompts, _task_prompts(self._manifest), geometry)
        # One pass of a graph takes fewer prompts than the whole task may have.
        first = {role: tensor[:, : self._manifest.num_prompts] for role, tensor in prompts.items()}
        steps = run_chain(
            self._manifest.contracts,
            {"image": pixels, **first},
            lambda contract, inputs: self.network.runners[contract.graph].run(inputs),
        )
        inputs, outputs = {}, {}
        for step in steps:
            inputs[step.contract.graph], outputs[step.contract.graph] = step.inputs, step.outputs
        return Case(
            name=name,
            geometry=geometry,
            pixels=pixels,
            prompts=prompts,
            inputs=inputs,
            outputs=outputs,
            rounding_db=self._rounding_db(
                inputs, outputs, self.rounded if with_tasks else self.rounded[:EXTREME_RUNS]
            ),
            tasks=self._tasks(pixels, prompts) if with_tasks else None,
        )

    def _joined(self, runners: Mapping[str, Runner]) -> GraphNetwork:
        # The reference takes any number of prompts: all in one pass are quicker than one by one.
        return joined_graphs(runners, self._manifest, _task_prompts(self._manifest))

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

    def _tasks(self, pixels: Floats, prompts: Encoded) -> TaskReference:
        objects: list[Clip] = []
        prompted: list[PromptLogits] = []
        for network in (self.network, *self.rounded):
            if self._manifest.labels is not None:
                objects.append(network.detect(pixels))
            if self._manifest.prompts is not None:
                prompted.append(network.embed(pixels).answer(prompts))
        return TaskReference(
            objects=objects[0] if objects else None,
            rounded_objects=tuple(objects[1:]),
            prompts=prompted[0] if prompted else None,
            rounded_prompts=tuple(prompted[1:]),
        )


def _rounded(
    graph: str, runner: Runner, recipe: Recipe, seed: int, halved: Sequence[Tensor], memory: RunMemory
) -> Runner:
    rounded = RoundedRunner(runner, recipe.arithmetic, seed, halved)
    return RememberingRunner(rounded, reference_question(graph, rounded.name), memory)


def reference_question(graph: str, arithmetic: str = "exact") -> str:
    """Says what a reference computes, for `RunMemory`: graphs of one network that share a memory."""
    return f"{graph} {arithmetic}"


def joined_graphs(
    runners: Mapping[str, Runner],
    manifest: Manifest,
    num_prompts: int | None = None,
    finds: str = "panoptic",
) -> GraphNetwork:
    """Joins the graphs of a bundle to a network.

    Args:
        runners: Graph name to runner.
        manifest: Of the bundle.
        num_prompts: Prompts per pass, for runners that take any number; None for those of the graphs.
        finds: See `GraphNetwork`.
    """
    contracts = manifest.contracts
    if num_prompts is not None:
        contracts = tuple(_with_prompts(contract, num_prompts) for contract in contracts)
    return GraphNetwork(runners, contracts, manifest.pipelines, manifest.preprocess, finds)


def _with_prompts(contract: GraphContract, count: int) -> GraphContract:
    inputs = tuple(
        msgspec.structs.replace(spec, shape=(1, count, *spec.shape[2:]))
        if spec.role in PROMPT_ROLES
        else spec
        for spec in contract.inputs
    )
    return msgspec.structs.replace(contract, inputs=inputs)


def _task_prompts(manifest: Manifest) -> int:
    return max(MIN_PROMPTS, manifest.num_prompts)
