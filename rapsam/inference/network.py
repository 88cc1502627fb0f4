"""A network as the tasks see it, whether it is PyTorch or exported graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from rapsam.contract import PROMPT_ROLES, GraphContract, Pipeline, Role, prompts_per_pass, tasks_find_objects
from rapsam.errors import InputError
from rapsam.inference.chain import RunGraph, outputs_by_role, run_chain
from rapsam.inference.reference import exact_float32
from rapsam.inference.runner import Arrays, Runner
from rapsam.models.deployment import Deployment, PromptTaker, finds_objects, takes_prompts
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.clips import LONG_CLIP
from rapsam.tasks.preprocess import (
    NetworkInput,
    PreprocessSpec,
    fitted,
    normalise_and_pad,
    normalised_square,
    resize_keep_ratio,
)
from rapsam.tasks.tracker import Clip

Encoded = Mapping[Role, Floats]
"""Role to encoded prompts (1, K, ...)."""


class PromptLogits(NamedTuple):
    """What the network says about K prompts, M candidates each.

    Attributes:
        mask_logits: (K, M, h, w) float32.
        iou: (K, M) float32, predicted IoU.
    """

    mask_logits: Floats
    iou: Floats


class Embedded(Protocol):
    """An image of which all is computed that does not depend on prompts."""

    def answer(self, prompts: Encoded) -> PromptLogits:
        """Segments prompts, any number K; see `rapsam.tasks.prompt_encoding.encode_prompts`."""
        ...


class Network(Protocol):
    """Runs on images that were fitted to its input.

    Attributes:
        max_clip: Most frames that it can take at a time.
    """

    max_clip: int

    def fit(self, image: Pixels) -> NetworkInput:
        """Fits an RGB image (h0, w0, 3), uint8, to the input: float32 RGB 0..255, padded."""
        ...

    def detect(self, frames: Floats) -> Clip:
        """Finds objects in one frame, or in the frames of a clip: (T, 3, H, W) from `fit`."""
        ...

    def embed(self, pixels: Floats) -> Embedded:
        """Computes what prompts in one frame have in common, once for all of them."""
        ...


class GraphNetwork:
    """Exported graphs, each with its runner. Takes one frame at a time.

    Args:
        runners: Graph name to runner.
        contracts: Of the graphs.
        pipelines: Which graphs do which task.
        preprocess: How images are fitted to the graphs.
        finds: The task by which objects are found, "panoptic" or "video", if there are graphs for it.
    """

    max_clip = 1

    def __init__(
        self,
        runners: Mapping[str, Runner],
        contracts: Sequence[GraphContract],
        pipelines: Sequence[Pipeline],
        preprocess: PreprocessSpec,
        finds: str = "panoptic",
    ) -> None:
        self.runners = runners
        self._preprocess = preprocess
        self._finds = finds
        self._contracts = {contract.graph: contract for contract in contracts}
        self._graphs = {pipeline.task: pipeline.graphs for pipeline in pipelines}

    def fit(self, image: Pixels) -> NetworkInput:
        """Letterboxes an image to the graphs' size."""
        return fitted(image, self._preprocess)

    def detect(self, frames: Floats) -> Clip:
        """Finds objects in one frame (1, 3, H, W)."""
        able = [task for task in self._graphs if tasks_find_objects((task,))]
        task = self._finds if self._finds in able else able[0]
        found = outputs_by_role(self._chain(task), {"image": frames}, self._run)
        queries = found.get("queries", np.zeros((1, found["class_logits"].shape[1], 0), np.float32))
        return Clip(found["class_logits"][0], queries[0], found["mask_logits"][0][:, None])

    def embed(self, pixels: Floats) -> Embedded:
        """Runs the graphs of the prompt task that no prompt changes."""
        chain = self._chain("prompt")
        prompted = prompted_graphs(chain)
        of_image = [contract for contract in chain if contract.graph not in prompted]
        steps = run_chain(of_image, {"image": pixels}, self._run)
        known = {step.contract.graph: step.outputs for step in steps}
        return _EmbeddedInGraphs(chain, known, pixels, self._run)

    def _chain(self, task: str) -> list[GraphContract]:
        return [self._contracts[graph] for graph in self._graphs[task]]

    def _run(self, contract: GraphContract, inputs: Arrays) -> Arrays:
        return self.runners[contract.graph].run(inputs)


class _EmbeddedInGraphs:
    """An image whose own graphs have run; takes as many prompts per pass as the others do."""

    def __init__(
        self, chain: Sequence[GraphContract], known: Mapping[str, Arrays], pixels: Floats, run: RunGraph
    ) -> None:
        self._chain = chain
        self._known = known
        self._pixels = pixels
        self._run_graph = run

    def answer(self, prompts: Encoded) -> PromptLogits:
        """See `Embedded.answer`; prompts do not see each other."""
        per_pass = prompts_per_pass(self._chain)
        total = min(tensor.shape[1] for tensor in prompts.values())
        found = []
        for start in range(0, total, per_pass):
            chunk = {role: _filled(tensor, start, per_pass) for role, tensor in prompts.items()}
            outputs = outputs_by_role(self._chain, {"image": self._pixels, **chunk}, self._run)
            found.append(_prompt_logits(outputs, min(per_pass, total - start)))
        return PromptLogits(*map(np.concatenate, zip(*found, strict=True)))

    def _run(self, contract: GraphContract, inputs: Arrays) -> Arrays:
        known = self._known.get(contract.graph)
        return self._run_graph(contract, inputs) if known is None else known


def prompted_graphs(chain: Sequence[GraphContract]) -> set[str]:
    """Names the graphs of a chain whose outputs depend on prompts, taken directly or flowing in."""
    graphs, flowing = set(), set()
    for contract in chain:
        if any(spec.role in PROMPT_ROLES or spec.name in flowing for spec in contract.inputs):
            graphs.add(contract.graph)
            flowing |= {spec.name for spec in contract.outputs if spec.role == "flow"}
    return graphs


def _filled(prompts: Floats, start: int, count: int) -> Floats:
    """Cuts the prompts of a pass; the last pass is filled up with copies, whose results are dropped."""
    chunk = prompts[:, start : start + count]
    return np.concatenate([chunk, np.repeat(chunk[:, -1:], count - chunk.shape[1], axis=1)], axis=1)


def _prompt_logits(outputs: Mapping[Role, Floats], count: int) -> PromptLogits:
    """Reads the first prompts of a pass; graphs of one candidate leave its axis out."""
    masks, iou = outputs["mask_logits"][0, :count], outputs["iou"][0, :count]
    return PromptLogits(masks.reshape(count, -1, *masks.shape[-2:]), iou.reshape(count, -1))


class EagerNetwork:
    """A network in PyTorch, as published: resized as in its own tests, any number of frames at a time.

    Args:
        deployment: The network, on the device where it runs.
        device: "cpu" or "cuda".
        long_side: Limit of the image's longer side; the side of the square of a network that knows no other.
        short_side: Limit of the image's shorter side.

    Raises:
        InputError: If the network knows squares only, and the sides differ.
    """

    max_clip = LONG_CLIP

    def __init__(self, deployment: Deployment, device: str, long_side: int, short_side: int) -> None:
        self.deployment = deployment
        self.device = device
        self.limits = (long_side, short_side)
        if deployment.fit == "longest side" and long_side != short_side:
            raise InputError(
                f"images of {long_side},{short_side}: {deployment.name} takes squares only; expected both "
                "sides alike"
            )

    def fit(self, image: Pixels) -> NetworkInput:
        """Resizes, normalises and pads an image."""
        if self.deployment.fit == "longest side":
            return normalised_square(image, self.limits[0], self.deployment.normalisation)
        resized = resize_keep_ratio(image, *self.limits)
        return normalise_and_pad(resized, image.shape[:2], normalisation=self.deployment.normalisation)

    def detect(self, frames: Floats) -> Clip:
        """Finds objects in a clip."""
        assert finds_objects(self.deployment), "the segmenter was asked first"
        with exact_float32():
            outputs = _numpy(self.deployment.detect(self._tensor(frames)))
        return Clip(outputs["class_logits"], outputs["queries"], outputs["mask_logits"])

    def embed(self, pixels: Floats) -> Embedded:
        """Computes what prompts have in common."""
        assert takes_prompts(self.deployment), "the segmenter was asked first"
        with exact_float32():
            embedding = self.deployment.embed(self._tensor(pixels))
        return _EmbeddedInPyTorch(self.deployment, self.device, embedding)

    def _tensor(self, array: Floats) -> Tensor:
        return torch.from_numpy(array).to(self.device)


class _EmbeddedInPyTorch:
    """What the network computed of an image."""

    def __init__(self, deployment: PromptTaker, device: str, embedding: Mapping[str, Tensor]) -> None:
        self._deployment = deployment
        self._device = device
        self._embedding = embedding

    def answer(self, prompts: Encoded) -> PromptLogits:
        """See `Embedded.answer`."""
        encoded = {str(role): torch.from_numpy(tensor).to(self._device) for role, tensor in prompts.items()}
        with exact_float32():
            outputs = _numpy(self._deployment.answer(self._embedding, encoded))
        return PromptLogits(outputs["mask_logits"], outputs["iou"])


def _numpy(outputs: dict[str, Tensor]) -> dict[str, Floats]:
    return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}
