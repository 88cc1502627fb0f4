"""References that are computed once, however many bundles and checks ask for them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from rapsam.contract import GraphContract, Sampling
from rapsam.export.parity.rounding import RandomRounding
from rapsam.models.deployment import Deployment

LIMIT_BYTES = 1 << 30
Outputs = dict[str, Tensor]


class SharedReferences:
    """A deployment that remembers the outputs of its latest references and its copies on other devices.

    Implements `rapsam.models.deployment.Deployment`. The self-test and parity of a bundle, and bundles of
    other formats at the same size, ask for the same references, exact and with random rounding.

    Args:
        network: The deployment that computes.
        limit_bytes: The outputs that were not asked for longest are forgotten when all are larger.
    """

    def __init__(self, network: Deployment, limit_bytes: int = LIMIT_BYTES) -> None:
        self.name = network.name
        self.weights_origin = network.weights_origin
        self.classifier_origin = network.classifier_origin
        self.trained = network.trained
        self.label_set = network.label_set
        self._network = network
        self._limit_bytes = limit_bytes
        self._known: OrderedDict[str, Outputs] = OrderedDict()
        self._moved: dict[str, SharedReferences] = {}

    def graphs_for(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """See the protocol."""
        return self._network.graphs_for(tasks)

    def build_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int, sampling: Sampling = "rows"
    ) -> tuple[nn.Module, GraphContract]:
        """See the protocol."""
        return self._network.build_graph(graph, size, num_prompts, sampling)

    def published_graph(
        self, graph: str, size: tuple[int, int], num_prompts: int
    ) -> tuple[nn.Module, GraphContract]:
        """See the protocol."""
        return self._network.published_graph(graph, size, num_prompts)

    def reference(self, graph: str, inputs: Mapping[str, Tensor]) -> Outputs:
        """Computes the outputs of a graph, or remembers them; see the protocol.

        With random rounding, the same mode gives the same outputs. Whoever else watches or changes operators
        while they run gets a run of its own.
        """
        mode = _get_current_dispatch_mode()
        if mode is not None and not isinstance(mode, RandomRounding):
            return self._network.reference(graph, inputs)
        key = _digest(f"{graph} {mode.name if mode else 'exact'}", inputs)
        if key not in self._known:
            self._known[key] = self._network.reference(graph, inputs)
            self._forget()
        self._known.move_to_end(key)
        return {name: tensor.clone() for name, tensor in self._known[key].items()}

    def detect(self, images: Tensor) -> Outputs:
        """See the protocol."""
        return self._network.detect(images)

    def segment(self, images: Tensor, boxes: Tensor) -> Outputs:
        """See the protocol."""
        return self._network.segment(images, boxes)

    def state(self) -> Outputs:
        """See the protocol."""
        return self._network.state()

    def to(self, device: str) -> SharedReferences:
        """Copies the network to a device, once for each."""
        if device not in self._moved:
            moved = SharedReferences(self._network.to(device), self._limit_bytes)
            moved._moved = self._moved
            self._moved[device] = moved
        return self._moved[device]

    def _forget(self) -> None:
        while len(self._known) > 1 and sum(map(_bytes, self._known.values())) > self._limit_bytes:
            self._known.popitem(last=False)


def _digest(asked: str, inputs: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(asked.encode())
    for name in sorted(inputs):
        digest.update(f"\n{name} {inputs[name].dtype} {list(inputs[name].shape)}\n".encode())
        digest.update(inputs[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _bytes(outputs: Outputs) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in outputs.values())
