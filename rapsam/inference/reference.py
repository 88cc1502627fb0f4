"""The trainable network in PyTorch, un-rewritten, in float32: what every exported graph is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from rapsam.models.deployment import Deployment
from rapsam.tasks.arrays import Floats


class EagerRunner:
    """Runs a graph with the trainable network.

    Args:
        deployment: The network, on the device where it runs.
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
    """Returns "cuda" when PyTorch sees a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def reference_name(device: str) -> str:
    """Says what computes the reference, for reports."""
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return f"PyTorch {torch.__version__} eager fp32 on {where}"
