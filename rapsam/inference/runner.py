"""A graph that can be run, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.float32]]


class Runner(Protocol):
    """A loaded graph."""

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """Runs the graph once.

        Args:
            inputs: One float32 array per input of the contract, under its name, in its shape.

        Returns:
            One float32 array per output of the contract, under its name, in its shape, whatever the
            format does inside. The arrays are the caller's: a later run does not change them.

        Raises:
            InputError: If an input is missing, unknown, or of another shape or dtype.
        """
        ...
