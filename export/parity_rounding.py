"""How far rounding alone moves the reference: the yardstick for what a faithful artifact can reach.

The reference runs again, and every operator's result is rounded at random to the neighbours that the
precision has (stochastic rounding, the random rounding mode of Monte Carlo arithmetic: Parker, "Monte Carlo
Arithmetic: exploiting the imprecision of floating-point arithmetic", 1997). What differs between such runs
hangs on roundings; what is the same in all of them does not. No exported graph takes part, so a wrong graph
cannot excuse itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rapsam.export.backends.base import Arrays, Runner
from rapsam.tasks.arrays import Floats

ROUNDING_RUNS = 4
"""Runs of the reference per input: with `MARGIN`, few enough to afford and enough to see a tie."""

# Trailing bits of a float32 that a precision does not have. float32 has all, but runtimes add up in another
# order, which costs about the last one.
_DROPPED_BITS = {"fp32": 1, "fp16": 13}


class RandomRounding(TorchDispatchMode):
    """While active, rounds what every PyTorch operator returns, up or down at random.

    The chance is proportional to the distance, so the mean of many roundings is exact. Values that the
    precision can hold stay as they are, so moving data costs nothing.

    Args:
        precision: "fp32" or "fp16". The range of float16 is not modelled.
        seed: Decides every rounding.
    """

    def __init__(self, precision: str, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._grid = 1 << _DROPPED_BITS[precision]
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what an operator returns
        """Calls an operator and rounds its result."""
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, Tensor) or result.dtype != torch.float32:
            return result
        assert isinstance(func, torch._ops.OpOverload)
        if func.is_view:
            return result
        rounded = self._round(result)
        return result.copy_(rounded) if func._schema.is_mutable else rounded

    def _round(self, values: Tensor) -> Tensor:
        # A float's bits, read as an integer, count its neighbours: what is added before cutting the last
        # bits off decides between the two nearest values on the coarser grid.
        bits = values.contiguous().view(torch.int32)
        chance = torch.randint(
            self._grid,
            bits.shape,
            generator=self._generator(values.device),
            dtype=torch.int32,
            device=values.device,
        )
        return ((bits + chance) & -self._grid).view(torch.float32)

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]


class RoundedRunner:
    """Runs the reference of a graph with random rounding; the same seed gives the same result.

    Args:
        reference: Runs the graph in PyTorch.
        precision: As in `RandomRounding`.
        seed: As in `RandomRounding`.
    """

    def __init__(self, reference: Runner, precision: str, seed: int) -> None:
        self._reference = reference
        self._precision = precision
        self._seed = seed

    def run(self, inputs: Mapping[str, Floats]) -> Arrays:
        """Runs the graph once; see `Runner.run`."""
        with RandomRounding(self._precision, self._seed):
            return self._reference.run(inputs)
