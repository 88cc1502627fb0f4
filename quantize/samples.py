"""What the graphs of a network get from images: their inputs, to calibrate and to compare on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rapsam.contract import GraphContract, Role
from rapsam.inference.chain import run_chain
from rapsam.inference.reference import EagerRunner
from rapsam.inference.runner import Arrays
from rapsam.models.deployment import Deployment, takes_prompts
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.preprocess import PreprocessSpec, fitted
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import Prompt, PromptSet, PromptSpec

_PROMPT_SEED = 5


class Samples:
    """Inputs of one graph for every calibration image, computed anew whenever they are gone through."""

    def __init__(
        self,
        deployment: Deployment,
        contracts: Sequence[GraphContract],
        preprocess: PreprocessSpec,
        images: Mapping[str, Pixels],
    ) -> None:
        """Takes the graphs up to the one that is asked about, which is the last.

        Args:
            deployment: The network; what flows from graph to graph is its own, in float32.
            contracts: Of the graphs.
            preprocess: How images are fitted to the first.
            images: The calibration images.
        """
        self._deployment = deployment
        self._contracts = contracts
        self._preprocess = preprocess
        self._images = images

    def __iter__(self) -> Iterator[Arrays]:
        runners = {c.graph: EagerRunner(self._deployment, c.graph, "cpu") for c in self._contracts[:-1]}
        for number, name in enumerate(self._images):
            pixels, geometry = fitted(self._images[name], self._preprocess)
            given: dict[Role, Floats] = {"image": np.rint(pixels)}
            given |= self._prompts(number, geometry)
            yield self._inputs(given, runners)

    def __len__(self) -> int:
        return len(self._images)

    def _inputs(self, given: Mapping[Role, Floats], runners: Mapping[str, EagerRunner]) -> Arrays:
        *before, last = self._contracts

        def run(contract: GraphContract, inputs: Arrays) -> Arrays:
            return runners[contract.graph].run(inputs)

        flowing: Arrays = {}
        for step in run_chain(before, given, run):
            flowing |= step.outputs
        return {
            spec.name: flowing[spec.name] if spec.role == "flow" else given[spec.role] for spec in last.inputs
        }

    def _prompts(self, number: int, geometry: ImageGeometry) -> dict[Role, Floats]:
        if not takes_prompts(self._deployment):
            return {}
        asked = {spec.role: spec.shape[1] for contract in self._contracts for spec in contract.inputs}
        spec = self._deployment.prompts
        count = asked.get(spec.roles[0])
        if count is None:
            return {}
        return encode_prompts(_drawn_prompts(spec, count, number, geometry), spec, geometry)


def _drawn_prompts(spec: PromptSpec, count: int, number: int, geometry: ImageGeometry) -> PromptSet:
    """Draws prompts of an image: points and boxes in turns, as far as the model takes them, of all sizes."""
    rng = np.random.default_rng((_PROMPT_SEED, number))
    height, width = geometry.original_size
    drawn: list[Prompt] = []
    for place in range(count):
        x, y = rng.uniform(0, (width, height))
        if spec.max_points and (not spec.boxes or (number + place) % 2):
            drawn += PromptSet.of(points=[(x, y)]).prompts
            continue
        half = rng.uniform(0.02, 0.4) * np.array([width, height]) * rng.uniform(0.5, 1, 2)
        centre = np.array([x, y])
        low, high = np.maximum(centre - half, 0), np.minimum(centre + half, (width, height))
        drawn += PromptSet.of(boxes=[(*low, *high)]).prompts
    return PromptSet(tuple(drawn))
