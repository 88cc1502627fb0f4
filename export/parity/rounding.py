"""How far rounding alone moves the reference: the yardstick for what a faithful artifact can reach.

The reference runs again, and every operator's result is rounded at random to the neighbours that the
precision has (stochastic rounding, the random rounding mode of Monte Carlo arithmetic: Parker, "Monte Carlo
Arithmetic: exploiting the imprecision of floating-point arithmetic", 1997). What differs between such runs
hangs on roundings; what is the same in all of them does not. No exported graph takes part, so a wrong graph
cannot excuse itself.

Weights that a format stores in 16 bits are rounded too, once per run: at random as well, because the
reference has other weights than the graph, where normalisations are folded into them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from rapsam.inference.runner import Arrays, Runner
from rapsam.tasks.arrays import Floats

ROUNDING_RUNS = 4
"""Runs of the reference per input: with `MARGIN`, few enough to afford and enough to see a tie."""

# Trailing bits of a float32 that a precision does not have. float32 has all, but runtimes add up in another
# order, which costs about the last one.
_DROPPED_BITS = {"fp32": 1, "fp16": 13}
_CHANCES = 1 << 18
"""Values that are rounded at once: few enough to stay in a processor's cache. Drawing a new random number for
every value took more than twice as long as all of the rounding."""
_Place = tuple[int, torch.Size]
_aten = torch.ops.aten
# What only moves values, or keeps some of them: nothing is left to round, and drawing chances takes time.
_MOVING = frozenset(
    {_aten.relu, _aten._unsafe_view, _aten.cat, _aten.clone, _aten.pixel_shuffle, _aten.constant_pad_nd}
)


def half_weights(state: Mapping[str, Tensor], precision: str) -> tuple[Tensor, ...]:
    """Returns the weights that a format stores in 16 bits.

    Args:
        state: Weights by name, as the network or graph holds them.
        precision: Of the recipe.

    Returns:
        Nothing unless that is "fp16"; else what has two dimensions or more. Biases and scales change nothing
        that can be seen beside them, and TFLite keeps them in 32 bits.
    """
    if precision != "fp16":
        return ()
    return tuple(tensor for tensor in state.values() if tensor.dtype == torch.float32 and tensor.ndim > 1)


class RandomRounding(TorchDispatchMode):
    """While active, rounds what every PyTorch operator returns, up or down at random.

    The chance is proportional to the distance, so the mean of many roundings is exact. Values that the
    precision can hold stay as they are, so moving data costs nothing.

    Args:
        arithmetic: "fp32" or "fp16". The range of float16 is not modelled.
        seed: Decides every rounding.
        halved: Weights that are rounded to 16 bits wherever an operator takes them; they are not changed.

    Attributes:
        name: The same for modes that round the operators of a network alike.
    """

    def __init__(self, arithmetic: str, seed: int, halved: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bits = _DROPPED_BITS[arithmetic]
        self._seed = seed
        self._drawn: dict[tuple[torch.device, int], Tensor] = {}
        self._offsets = Random(seed)
        self._exact = {_place(tensor): tensor for tensor in halved}
        self.name = f"{arithmetic}, seed {seed}, {len(self._exact)} weights in 16 bits"
        self._halved: dict[_Place, Tensor] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what an operator returns
        """Calls an operator and rounds its result."""
        kwargs = kwargs or {}
        if self._exact:
            args, kwargs = pytree.tree_map_only(Tensor, self._stored, (args, kwargs))
        result = func(*args, **kwargs)
        if not isinstance(result, Tensor) or result.dtype != torch.float32:
            return result
        assert isinstance(func, torch._ops.OpOverload)
        if func.is_view or func.overloadpacket in _MOVING:
            return result
        rounded = self._round(result, self._bits)
        return result.copy_(rounded) if func._schema.is_mutable else rounded

    def _stored(self, tensor: Tensor) -> Tensor:
        """Returns a weight as it is stored, the same one in all of a run, and any other tensor as it is."""
        place = _place(tensor)
        if place not in self._exact:
            return tensor
        if place not in self._halved:
            self._halved[place] = self._round(tensor.detach(), _DROPPED_BITS["fp16"])
        return self._halved[place]

    def _round(self, values: Tensor, dropped_bits: int) -> Tensor:
        # A float's bits, read as an integer, count its neighbours: what is added before cutting the last
        # bits off decides between the two nearest values on the coarser grid.
        grid = 1 << dropped_bits
        bits = values.contiguous().view(torch.int32).flatten()
        rounded = torch.empty_like(bits)
        chances = self._chances(values.device, grid)
        for start in range(0, len(bits), _CHANCES):
            part = slice(start, min(start + _CHANCES, len(bits)))
            first = self._offsets.randrange(_CHANCES)
            torch.add(bits[part], chances[first : first + part.stop - part.start], out=rounded[part])
            rounded[part] &= -grid
        return rounded.view(torch.float32).view(values.shape)

    def _chances(self, device: torch.device, grid: int) -> Tensor:
        """Returns random integers below `grid`, drawn once: parts of results take some from any place."""
        if (device, grid) not in self._drawn:
            generator = torch.Generator(device).manual_seed(self._seed)
            self._drawn[device, grid] = torch.randint(
                grid, (2 * _CHANCES,), generator=generator, dtype=torch.int32, device=device
            )
        return self._drawn[device, grid]


def _place(tensor: Tensor) -> _Place:
    """Names a tensor by its memory: operators get a parameter, or another handle of the same one."""
    return tensor.data_ptr(), tensor.shape


class RoundedRunner:
    """Runs the reference of a graph with random rounding; the same seed gives the same result.

    Args:
        reference: Runs the graph in PyTorch.
        arithmetic: As in `RandomRounding`.
        seed: As in `RandomRounding`.
        halved: As in `RandomRounding`.

    Attributes:
        name: As in `RandomRounding`.
    """

    def __init__(self, reference: Runner, arithmetic: str, seed: int, halved: Sequence[Tensor] = ()) -> None:
        self.name = RandomRounding(arithmetic, seed, halved).name
        self._reference = reference
        self._arithmetic = arithmetic
        self._seed = seed
        self._halved = halved

    def run(self, inputs: Mapping[str, Floats]) -> Arrays:
        """Runs the graph once; see `Runner.run`."""
        with RandomRounding(self._arithmetic, self._seed, self._halved):
            return self._reference.run(inputs)
