"""A network as the tasks see it, whether it is PyTorch or exported graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from rapsam.contract import PROMPT_ROLES, GraphContract, Pipeline, Role, prompts_per_pass, tasks_find_objects
from rapsam.inference.chain import outputs_by_role
from rapsam.inference.reference import exact_float32
from rapsam.inference.runner import Arrays, Runner
from rapsam.models.deployment import Deployment, finds_objects, takes_prompts
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.clips import LONG_CLIP
from rapsam.tasks.preprocess import (
    NetworkInput,
    PreprocessSpec,
    fitted,
    normalise_and_pad,
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

    def segment(self, pixels: Floats, prompts: Encoded) -> PromptLogits:
        """Segments prompts, any number K, in one frame; see `rapsam.tasks.prompt_set.encode_prompts`."""
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

    def segment(self, pixels: Floats, prompts: Encoded) -> PromptLogits:
        """Segments prompts, as many per pass as the graphs take; prompts do not see each other."""
        chain = self._chain("prompt")
        per_pass, total = prompts_per_pass(chain), min(tensor.shape[1] for tensor in prompts.values())
        prompted, of_image = prompted_graphs(chain), dict[str, Arrays]()

        def run(contract: GraphContract, inputs: Arrays) -> Arrays:
            if contract.graph in prompted:
                return self._run(contract, inputs)
            if contract.graph not in of_image:
                of_image[contract.graph] = self._run(contract, inputs)
            return of_image[contract.graph]

        found = []
        for start in range(0, total, per_pass):
            chunk = {role: _filled(tensor, start, per_pass) for role, tensor in prompts.items()}
            outputs = outputs_by_role(chain, {"image": pixels, **chunk}, run)
            found.append(_prompt_logits(outputs, min(per_pass, total - start)))
        return PromptLogits(*map(np.concatenate, zip(*found, strict=True)))

    def _chain(self, task: str) -> list[GraphContract]:
        return [self._contracts[graph] for graph in self._graphs[task]]

    def _run(self, contract: GraphContract, inputs: Arrays) -> Arrays:
        return self.runners[contract.graph].run(inputs)


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
        long_side: Limit of the image's longer side.
        short_side: Limit of the image's shorter side.
    """

    max_clip = LONG_CLIP

    def __init__(self, deployment: Deployment, device: str, long_side: int, short_side: int) -> None:
        self.deployment = deployment
        self.device = device
        self.limits = (long_side, short_side)

    def fit(self, image: Pixels) -> NetworkInput:
        """Resizes, normalises and pads an image."""
        resized = resize_keep_ratio(image, *self.limits)
        return normalise_and_pad(resized, image.shape[:2], normalisation=self.deployment.normalisation)

    def detect(self, frames: Floats) -> Clip:
        """Finds objects in a clip."""
        assert finds_objects(self.deployment), "the segmenter was asked first"
        with exact_float32():
            outputs = self._numpy(self.deployment.detect(self._tensor(frames)))
        return Clip(outputs["class_logits"], outputs["queries"], outputs["mask_logits"])

    def segment(self, pixels: Floats, prompts: Encoded) -> PromptLogits:
        """Segments prompts."""
        assert takes_prompts(self.deployment), "the segmenter was asked first"
        encoded = {str(role): self._tensor(tensor) for role, tensor in prompts.items()}
        with exact_float32():
            outputs = self._numpy(self.deployment.segment(self._tensor(pixels), encoded))
        return PromptLogits(outputs["mask_logits"], outputs["iou"])

    def _tensor(self, array: Floats) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _numpy(self, outputs: dict[str, Tensor]) -> dict[str, Floats]:
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}
