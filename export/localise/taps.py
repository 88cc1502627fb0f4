"""A graph that also returns what its modules give, so that one can see where it goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.capture import example_tensors

MAX_TAPS = 80
Hook = Callable[[nn.Module, tuple[object, ...], object], None]


class Tap(NamedTuple):
    """One module output that the graph returns in addition.

    Attributes:
        name: Name of the output in the contract, such as "tap_007".
        module: Path of the module, with "#2" for its second call and "[1]" for its second output.
    """

    name: str
    module: str


class TappedModule(nn.Module):
    """Runs a module and returns its outputs, then the outputs of the modules inside it.

    Args:
        module: A graph as `Deployment.build_graph` makes it. It is not changed.
        depth: Parts of a path at most: modules deeper inside are not looked at.
        paths: Module outputs to return, as `run` names them; all by default.
    """

    def __init__(self, module: nn.Module, depth: int, paths: Collection[str] | None = None) -> None:
        super().__init__()
        self.module = module
        self.depth = depth
        self.paths = paths

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Runs the module."""
        outputs, taps = self.run(*inputs)
        return *outputs, *taps.values()

    def run(self, *inputs: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Returns the module's outputs, and by path what its modules gave, in the order of execution.

        A tensor that several modules give, as a block and its last layer do, counts for the one that gave
        it first; the outputs of the graph itself do not count.
        """
        seen: dict[str, Tensor] = {}
        with _watched(self.module, self.depth, seen):
            outputs = pytree.tree_leaves(self.module(*inputs))
        known = {id(tensor) for tensor in (*inputs, *outputs)}
        taps: dict[str, Tensor] = {}
        for path, tensor in seen.items():
            if id(tensor) not in known:
                known.add(id(tensor))
                taps[path] = tensor
        if self.paths is not None:
            taps = {path: taps[path] for path in self.paths}
        return outputs, taps


def tap_modules(module: nn.Module, contract: GraphContract) -> tuple[TappedModule, GraphContract, list[Tap]]:
    """Adds outputs at module borders, as deep inside as `MAX_TAPS` allows.

    Args:
        module: The graph, on the CPU.
        contract: Its contract.

    Returns:
        The tapped graph, its contract, whose first outputs are those of `contract`, and the taps in the
        order of execution: none for a graph without modules inside, which is then judged by its outputs.
    """
    depth, found = 1, _find(module, contract, 1)
    deepest = max((path.count(".") + 1 for path, _ in module.named_modules()), default=1)
    for deeper in range(2, deepest + 1):
        more = _find(module, contract, deeper)
        if len(more) > MAX_TAPS:
            break
        depth, found = deeper, more
    taps = [Tap(f"tap_{number:03}", path) for number, path in enumerate(found)]
    specs = tuple(_spec(tap, found[tap.module]) for tap in taps)
    extended = msgspec.structs.replace(contract, outputs=(*contract.outputs, *specs))
    return TappedModule(module, depth, tuple(found)), extended, taps


def tap_sources(program: ExportedProgram, contract: GraphContract) -> dict[str, tuple[str, ...]]:
    """Finds, for every output of a captured graph, the outputs from which it is computed directly.

    Args:
        program: The captured graph of a `TappedModule`.
        contract: Its contract.

    Returns:
        Output name to names of outputs on the way from the inputs to it, nearest ones only; empty if it
        hangs on the inputs alone.
    """
    nodes = list(program.graph.output_node().args[0])
    named: dict[torch.fx.Node, str] = {}
    for node, spec in zip(nodes, contract.outputs, strict=True):
        named.setdefault(node, spec.name)
    return {
        spec.name: tuple(sorted(_nearest(node, named)))
        for node, spec in zip(nodes, contract.outputs, strict=True)
    }


def _nearest(start: torch.fx.Node, named: dict[torch.fx.Node, str]) -> set[str]:
    found, seen, waiting = set(), set(), list(start.all_input_nodes)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in named:
            found.add(named[node])
        else:
            waiting += node.all_input_nodes
    return found


def _find(module: nn.Module, contract: GraphContract, depth: int) -> dict[str, Tensor]:
    """Returns the outputs that depend on the inputs: what depends on weights alone is no step of the way."""
    tapped = TappedModule(module, depth)
    with torch.no_grad():
        first, second = (tapped.run(*example_tensors(contract, seed))[1] for seed in range(2))
    return {path: tensor for path, tensor in first.items() if not torch.equal(tensor, second[path])}


@contextmanager
def _watched(module: nn.Module, depth: int, seen: dict[str, Tensor]) -> Iterator[None]:
    """While active, keeps the float32 outputs of the modules inside, by path."""
    calls: Counter[str] = Counter()
    handles = []
    for path, part in module.named_modules():
        if path and path.count(".") < depth:
            handles.append(part.register_forward_hook(_keeper(path, calls, seen)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _keeper(path: str, calls: Counter[str], seen: dict[str, Tensor]) -> Hook:
    def keep(_part: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
        calls[path] += 1
        call = f"{path}#{calls[path]}" if calls[path] > 1 else path
        tensors = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
        for place, tensor in enumerate(tensors):
            if tensor.dtype == torch.float32:
                seen[f"{call}[{place}]" if len(tensors) > 1 else call] = tensor

    return keep


def _spec(tap: Tap, tensor: Tensor) -> TensorSpec:
    return TensorSpec(
        name=tap.name,
        shape=tuple(tensor.shape),
        dtype="float32",
        layout="N" * tensor.ndim,
        value_range=None,
        meaning=f"output of {tap.module}",
    )
