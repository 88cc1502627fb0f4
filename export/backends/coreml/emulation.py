"""Executes a saved Core ML package in PyTorch, operator by operator.

It proves that the package holds the right program with the right weights, where no Mac is at hand. It is
not Apple's runtime: it rounds the result of every float16 operator to float16 and computes inside of it
in float32, while the Neural Engine has arithmetic of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.export.backends.coreml.convert import is_image
from rapsam.export.backends.coreml.package import main_function, read_program
from rapsam.export.backends.guard import loading
from rapsam.export.backends.packages import missing_package, refuse_if
from rapsam.export.backends.tensors import named_inputs, named_outputs
from rapsam.inference.runner import Arrays

if TYPE_CHECKING:
    from rapsam.export.backends.coreml.mil.program import MilProgram


def cannot_run() -> str | None:
    """Says why packages cannot be emulated here; None if they can."""
    return missing_package("coreml", ("coremltools",))


def load(path: Path, contract: GraphContract, threads: int = 1) -> EmulatedCoremlRunner:  # noqa: ARG001
    """Reads a package for emulation, on the threads that PyTorch has; see `Backend.load`.

    Compressed weights are decoded here, and the program runs once without computing, so that what cannot be
    emulated is an error now.

    Raises:
        UnavailableError: If `cannot_run` gives a reason.
        BundleError: If the package cannot be read, or holds another graph, an unknown operator, an unknown
            form of an operator, or a value of absurd size.
    """
    refuse_if(cannot_run())
    with loading("Core ML emulation", path):
        return EmulatedCoremlRunner(_program(path, contract), contract)


class EmulatedCoremlRunner:
    """An ML program in PyTorch."""

    def __init__(self, program: MilProgram, contract: GraphContract) -> None:
        self._program = program
        self._contract = contract

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`. Image inputs are rounded to 8 bits, as in Core ML."""
        import torch

        arrays = named_inputs(self._contract, inputs)
        for spec in self._contract.inputs:
            if is_image(spec):
                arrays[spec.name] = np.clip(np.rint(arrays[spec.name]), 0, 255)
        values = self._program.run({name: torch.from_numpy(array) for name, array in arrays.items()})
        return named_outputs(self._contract, [values[spec.name].numpy() for spec in self._contract.outputs])


def _program(path: Path, contract: GraphContract) -> MilProgram:
    from rapsam.export.backends.coreml.mil.inspection import check_program, check_weights
    from rapsam.export.backends.coreml.mil.program import MilProgram

    model = read_program(path, contract)
    check_program(model, path)
    names = [[each.name for each in specs] for specs in (contract.inputs, contract.outputs)]
    function = main_function(path, model)
    check_weights(function)
    return MilProgram(function, *names)
