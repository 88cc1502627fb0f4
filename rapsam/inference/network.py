"""A network as the tasks see it, whether it is PyTorch or the graphs of a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from rapsam.inference.runner import Runner
from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.clips import LONG_CLIP
from rapsam.tasks.preprocess import NetworkInput, letterbox, normalise_and_pad, resize_keep_ratio
from rapsam.tasks.tracker import Clip


class PromptLogits(NamedTuple):
    """What the network says about prompts.

    Attributes:
        mask_logits: (K, h, w) float32.
        iou: (K,) float32, predicted IoU.
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

    def segment(self, pixels: Floats, boxes: Floats) -> PromptLogits:
        """Segments prompted boxes (1, K, 4), fractions of the unpadded image, any K, in one frame."""
        ...


class GraphNetwork:
    """The graphs of a bundle, each with its runner. Takes one frame at a time.

    Args:
        runners: Graph name to runner: "panoptic_image", or "encoder" with "panoptic", "prompt" or both.
        size: Image height and width of the graphs.
        num_prompts: Prompts per pass of the prompt graph.
    """

    max_clip = 1

    def __init__(self, runners: Mapping[str, Runner], size: tuple[int, int], num_prompts: int) -> None:
        self.runners = runners
        self.size = size
        self.num_prompts = num_prompts

    def fit(self, image: Pixels) -> NetworkInput:
        """Letterboxes an image to the graphs' size."""
        return letterbox(image, self.size)

    def detect(self, frames: Floats) -> Clip:
        """Finds objects in one frame (1, 3, H, W)."""
        if "panoptic_image" in self.runners:
            outputs = self.runners["panoptic_image"].run({"image": frames})
        else:
            outputs = self.runners["panoptic"].run(self.runners["encoder"].run({"image": frames}))
        return Clip(outputs["class_logits"][0], outputs["queries"][0], outputs["mask_logits"][0][:, None])

    def segment(self, pixels: Floats, boxes: Floats) -> PromptLogits:
        """Segments prompts, as many per pass as the graph takes; prompts do not see each other."""
        features = self.runners["encoder"].run({"image": pixels})["features"]
        mask_logits, iou = [], []
        for start in range(0, boxes.shape[1], self.num_prompts):
            chunk = boxes[:, start : start + self.num_prompts]
            count = chunk.shape[1]
            # The last pass is filled up with copies; their results are dropped.
            filled = np.concatenate(
                [chunk, np.repeat(chunk[:, -1:], self.num_prompts - count, axis=1)], axis=1
            )
            outputs = self.runners["prompt"].run({"features": features, "boxes": filled})
            mask_logits.append(outputs["mask_logits"][0, :count])
            iou.append(outputs["iou"][0, :count])
        return PromptLogits(np.concatenate(mask_logits), np.concatenate(iou))


class EagerNetwork:
    """A network in PyTorch, as published: resized as in its own tests, any number of frames at a time.

    Args:
        deployment: The network.
        device: "cpu" or "cuda".
        long_side: Limit of the image's longer side.
        short_side: Limit of the image's shorter side.
    """

    max_clip = LONG_CLIP

    def __init__(self, deployment: Deployment, device: str, long_side: int, short_side: int) -> None:
        self.deployment = deployment.to(device)
        self.device = device
        self.limits = (long_side, short_side)

    def fit(self, image: Pixels) -> NetworkInput:
        """Resizes, normalises and pads an image."""
        return normalise_and_pad(resize_keep_ratio(image, *self.limits), image.shape[:2])

    def detect(self, frames: Floats) -> Clip:
        """Finds objects in a clip."""
        with exact_float32():
            outputs = self._numpy(self.deployment.detect(self._tensor(frames)))
        return Clip(outputs["class_logits"], outputs["queries"], outputs["mask_logits"])

    def segment(self, pixels: Floats, boxes: Floats) -> PromptLogits:
        """Segments prompts."""
        with exact_float32():
            outputs = self._numpy(self.deployment.segment(self._tensor(pixels), self._tensor(boxes)))
        return PromptLogits(outputs["mask_logits"], outputs["iou"])

    def _tensor(self, array: Floats) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _numpy(self, outputs: dict[str, Tensor]) -> dict[str, Floats]:
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}


class EagerRunner:
    """Runs a graph with the trainable network in PyTorch, un-rewritten, in float32: the reference.

    Args:
        deployment: The network, on the device where it shall run.
        graph: Name of the graph.
        device: "cpu" or "cuda".
    """

    def __init__(self, deployment: Deployment, graph: str, device: str) -> None:
        self.deployment = deployment
        self.graph = graph
        self.device = device

    def run(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Runs the graph once; see `Runner.run`."""
        tensors = {name: torch.from_numpy(array).to(self.device) for name, array in inputs.items()}
        with exact_float32():
            outputs = self.deployment.reference(self.graph, tensors)
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}


@contextmanager
def exact_float32() -> Iterator[None]:
    """Keeps NVIDIA GPUs from rounding what convolutions take to 10 bits (TF32), as they do by default."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def reference_device() -> str:
    """Gives "cuda" when PyTorch sees a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def reference_name(device: str) -> str:
    """Says what computes the reference, for reports."""
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return f"PyTorch {torch.__version__} eager fp32 on {where}"
