"""What few bits cost a graph: computed in PyTorch, and in the artifact's runtime, beside the float graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import torch
from torch.export import ExportedProgram

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.lower_graph import Lowered
from rapsam.export.backends.recipes import Recipe
from rapsam.export.bundle.quantisation import OutputCost
from rapsam.inference.runner import Arrays, Runner
from rapsam.metrics.tensor_error import compare_tensors

SAMPLES = 8
"""Of the calibration images; their worst is what counts."""


class _Worst:
    """Keeps the smallest signal-to-noise ratio of an output; none before two sides differ."""

    def __init__(self) -> None:
        self.value: float | None = None

    def take(self, found: Arrays, wanted: Arrays, name: str) -> None:
        figure = compare_tensors(found[name], wanted[name]).sqnr_db
        if figure is not None:
            self.value = figure if self.value is None else min(self.value, figure)


def quantisation_cost(
    recipe: Recipe, contract: GraphContract, lowered: Lowered, samples: Iterable[Arrays]
) -> tuple[OutputCost, ...]:
    """Compares a quantised graph with the float one it was made from.

    Args:
        recipe: By which it was lowered.
        contract: Its contract.
        lowered: The graph on its way.
        samples: Inputs; the first `SAMPLES` are taken.

    Returns:
        A row for each output, in the contract's order.
    """
    runner, scheme = _runner(recipe, contract, lowered), recipe.quantisation
    # Kernels find dynamic scales for every row, PyTorch's operator for the whole tensor.
    in_graph = scheme is not None and scheme.stage == "graph" and not scheme.dynamic
    names = [spec.name for spec in contract.outputs]
    worst = {name: (_Worst(), _Worst(), _Worst()) for name in names}
    for sample in islice(samples, SAMPLES):
        plain = _computed(lowered.captured, contract, sample)
        quantised = _computed(lowered.program, contract, sample) if in_graph else None
        artifact = None if runner is None else _run(runner, sample)
        for name in names:
            of_quantising, of_artifact, of_runtime = worst[name]
            if quantised is not None:
                of_quantising.take(quantised, plain, name)
            if artifact is not None:
                of_artifact.take(artifact, plain, name)
            if quantised is not None and artifact is not None:
                of_runtime.take(artifact, quantised, name)
    return tuple(
        OutputCost(
            output=name,
            quantisation_db=worst[name][0].value,
            artifact_db=worst[name][1].value,
            runtime_db=worst[name][2].value,
        )
        for name in names
    )


def _run(runner: Runner, sample: Arrays) -> Arrays | None:
    """Runs an artifact; None where its runtime gives up, which parity tells of."""
    try:
        return runner.run(sample)
    except BundleError:
        return None


def _runner(recipe: Recipe, contract: GraphContract, lowered: Lowered) -> Runner | None:
    """Loads an artifact in the first runtime that works here; parity tells why one does not."""
    for runtime in RUNTIMES[recipe.backend]:
        if runtime.cannot_run() is None:
            try:
                return runtime.load(lowered.artifact.path, contract)
            except BundleError:
                continue
    return None


def _computed(program: ExportedProgram, contract: GraphContract, sample: Mapping[str, object]) -> Arrays:
    with torch.no_grad():
        tensors = [torch.as_tensor(sample[spec.name]) for spec in contract.inputs]
        values = program.module(check_guards=False)(*tensors)
    values = (values,) if isinstance(values, torch.Tensor) else values
    return {spec.name: value.numpy() for spec, value in zip(contract.outputs, values, strict=True)}
