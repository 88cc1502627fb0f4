"""A runner that does not compute the same twice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rapsam.inference.runner import Arrays, Runner
from rapsam.tasks.arrays import Floats


class RememberingRunner:
    """Gives the result of the last run again if the inputs are the same.

    Tensors and tasks are compared one after another: neither side shall compute the same twice.

    Args:
        runner: Runs the graph.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._inputs: dict[str, Floats] | None = None
        self._outputs: Arrays = {}

    def run(self, inputs: Mapping[str, Floats]) -> Arrays:
        """Runs the graph once, or not at all; see `Runner.run`."""
        if self._inputs is None or not _same(self._inputs, inputs):
            self._outputs = self._runner.run(inputs)
            self._inputs = {name: array.copy() for name, array in inputs.items()}
        return {name: array.copy() for name, array in self._outputs.items()}


def _same(one: Mapping[str, Floats], other: Mapping[str, Floats]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
