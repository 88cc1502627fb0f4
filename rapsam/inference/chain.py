"""Running graphs one after another: the one place that knows how tensors go from graph to graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from rapsam.contract import GraphContract, Role
from rapsam.inference.runner import Arrays
from rapsam.tasks.arrays import Floats

RunGraph = Callable[[GraphContract, Arrays], Arrays]


class Step(NamedTuple):
    """One graph of a chain that has run.

    Attributes:
        contract: Of the graph.
        inputs: What it took, by name.
        outputs: What it returned, by name.
    """

    contract: GraphContract
    inputs: Arrays
    outputs: Arrays


def run_chain(
    contracts: Iterable[GraphContract], given: Mapping[Role, Floats], run: RunGraph
) -> Iterator[Step]:
    """Runs graphs in their order.

    A graph takes, by role, what is given from outside, and, by name, what flowed out of the graphs before it.

    Args:
        contracts: Of the graphs. Those of several tasks may follow each other.
        given: Role to tensor: the image, and encoded prompts.
        run: Runs one graph on its named inputs.

    Yields:
        Each graph with its inputs and outputs, as soon as it has run.
    """
    flowing: Arrays = {}
    for contract in contracts:
        inputs = {
            spec.name: flowing[spec.name] if spec.role == "flow" else given[spec.role]
            for spec in contract.inputs
        }
        outputs = run(contract, inputs)
        flowing |= {spec.name: outputs[spec.name] for spec in contract.outputs if spec.role == "flow"}
        yield Step(contract, inputs, outputs)


def outputs_by_role(
    contracts: Iterable[GraphContract], given: Mapping[Role, Floats], run: RunGraph
) -> dict[Role, Floats]:
    """Runs graphs in their order and returns what is left of them for the task; see `run_chain`."""
    found: dict[Role, Floats] = {}
    for step in run_chain(contracts, given, run):
        found |= {spec.role: step.outputs[spec.name] for spec in step.contract.outputs if spec.role != "flow"}
    return found
