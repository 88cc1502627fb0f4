"""Few bits while a network trains: operators with weights compute with the numbers that the target will have.

Weights are rounded anew in each pass, symmetrically and per output channel, by their largest value. Such
rounding commutes with a factor per output channel, as of a batch norm with its running statistics: folding
first, as the exporter does, and rounding first give the same numbers. So the weights need not be folded to be
trained. Gradients pass the rounding unchanged.

What goes into these operators is rounded by a moving range, and so are results of convolutions, and sums of
them, where they are added, enlarged or joined: together that is what a convolutional network hands on from
operator to operator. Not rounded are results of linear layers and the factors of products without weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from rapsam.models.parts import PartRole
from rapsam.quantize.policy import why_float
from rapsam.quantize.scheme import Kind, Quantisation, activation_limits

MOMENTUM = 0.01
"""Part of a range that each batch renews."""
_EPSILON = 2.0**-24
_WEIGHTED: Mapping[object, Kind] = {
    F.conv2d: "convolution",
    F.conv_transpose2d: "transposed convolution",
    F.linear: "linear",
}
# What may stand between an operator and the rounding of its result.
_PASSING_ON = (F.batch_norm, F.relu, torch.relu, F.max_pool2d, F.interpolate)
_SUMS = (Tensor.add, torch.add)
_TAKERS = (*_SUMS, torch.cat, F.interpolate)


def weighted_modules(network: nn.Module) -> dict[str, nn.Module]:
    """Lists the modules with a weight that is multiplied by, by their names."""
    return {
        name: module
        for name, module in network.named_modules()
        if not isinstance(module, nn.Embedding)
        and isinstance(weight := getattr(module, "weight", None), Tensor)
        if weight.dim() > 1
    }


class MovingRange(nn.Module):
    """Rounds a tensor by the range that it has had of late.

    Args:
        scheme: Bits of activations; their range is that of the present batch where it is dynamic.

    Attributes:
        low: (1,) smallest value, infinite before the first batch.
        high: (1,) largest value.
    """

    low: Tensor
    high: Tensor
    scale: Tensor
    zero_point: Tensor
    switches: Tensor

    def __init__(self, scheme: Quantisation) -> None:
        super().__init__()
        self.limits = activation_limits(scheme)
        self.momentum = 1.0 if scheme.dynamic else MOMENTUM
        self.symmetric = scheme.symmetric
        self.register_buffer("low", torch.tensor([torch.inf]))
        self.register_buffer("high", torch.tensor([-torch.inf]))
        self.register_buffer("scale", torch.ones(1), persistent=False)
        self.register_buffer("zero_point", torch.zeros(1, dtype=torch.int32), persistent=False)
        self.register_buffer("switches", torch.tensor([0, 1]), persistent=False)

    def forward(self, x: Tensor, observing: bool) -> Tensor:
        """Rounds in float32, after a look at the range if `observing`; what is not finite passes as it is."""
        exact = x.float()
        if not bool(exact.isfinite().all()):
            return x
        off, on = self.switches
        rounded: Tensor = torch.fused_moving_avg_obs_fake_quant(
            *(exact, on if observing else off, off if self.symmetric else on),
            *(self.low, self.high, self.scale, self.zero_point),
            self.momentum,
            *self.limits,
            -1,
        )
        if self.symmetric:  # the fused operator's own takes one number more than there is
            widest = torch.maximum(-self.low, self.high)
            scale = (widest / self.limits[1]).clamp_min(_EPSILON)
            rounded = torch.fake_quantize_per_tensor_affine(rounded, scale, self.zero_point, *self.limits)
        return rounded.to(x.dtype)


class FakeQuantisation(nn.Module):
    """The ranges of one use of a network, and the context in which it computes with few bits.

    Ranges are the state of this module. On several processes DDP gives those of the first one to all before
    each step, as it does with all buffers.

    Args:
        scheme: What the recipe says.
        modules: Those that the target computes as they stand, by name, as `weighted_modules` returns them;
            others stay float.
        parts: Role to a regular expression, found in modules' names; see `StaysFloat`.
    """

    def __init__(
        self, scheme: Quantisation, modules: Mapping[str, nn.Module], parts: Mapping[PartRole, str]
    ) -> None:
        super().__init__()
        self.scheme = scheme
        self.parts = parts
        self.names = frozenset(modules)
        # Of what modules take, of what convolutions return, and of the sums that this is added up in.
        self.inputs, self.results, self.sums = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        if scheme.activation_bits is not None:
            convolutions = [name for name, module in modules.items() if not isinstance(module, nn.Linear)]
            self.inputs.update(_ranges(scheme, modules))
            self.results.update(_ranges(scheme, convolutions))
            self.sums.update(_ranges(scheme, convolutions))

    def computing(self, network: nn.Module, *, observing: bool = True) -> TorchFunctionMode:
        """Returns the context in which the network computes with few bits; its weights stay what they are.

        Args:
            network: That of the modules.
            observing: Whether ranges move; not where a pass is computed a second time.
        """
        weights = {
            id(module.weight): name
            for name, module in weighted_modules(network).items()
            if name in self.names
        }
        return _FewBits(self, weights, observing)

    def in_integers(self, kind: Kind) -> bool:
        """Tells whether the target computes operators of a kind in integers."""
        return self.scheme.activation_bits is not None and kind in self.scheme.kinds

    def rounded_weight(self, weight: Tensor, kind: Kind) -> Tensor:
        """Rounds a weight per output channel; see the head of this file."""
        limit = 2 ** (self.scheme.weight_bits - 1) - 1
        axis = 1 if kind == "transposed convolution" else 0
        others = [place for place in range(weight.dim()) if place != axis]
        scale = (weight.detach().abs().amax(others) / limit).clamp_min(_EPSILON)
        zero_point = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero_point, axis, -limit, limit)


class _Pending(NamedTuple):
    """A result that is not rounded yet: where its range is, and whether that has seen it."""

    ranges: nn.ModuleDict
    name: str
    seen: bool = False


class _FewBits(TorchFunctionMode):
    """Sees every operator of PyTorch that is called in it, and rounds what those with weights take."""

    def __init__(self, bits: FakeQuantisation, weights: Mapping[int, str], observing: bool) -> None:
        super().__init__()
        self._bits = bits
        self._weights = weights
        self._observing = observing
        self._pending: MutableMapping[Tensor, _Pending] = WeakTensorKeyDictionary()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operator returns
        """See `TorchFunctionMode`."""
        options = dict(kwargs or {})
        if func in _WEIGHTED:
            return self._weighted(func, *args, **options)
        found = [pending for value in _tensors(args) if (pending := self._pending.get(value))]
        if not found:
            return func(*args, **options)
        if func in _TAKERS:
            args = tuple(self._rounded_results(value) for value in args)
        result = func(*args, **options)
        if func in _PASSING_ON:
            self._pending[result] = found[0]._replace(seen=func in _TAKERS)
        elif func in _SUMS and self._bits.in_integers("sum"):
            # A sum of sums has the name of the convolution that it adds.
            added = next((each for each in found if each.ranges is self._bits.results), found[0])
            self._pending[result] = _Pending(self._bits.sums, added.name)
        return result

    def _weighted(
        self,
        func: Callable[..., Tensor],
        source: Tensor,
        weight: Tensor,
        *args: Any,  # noqa: ANN401 - whatever the operator takes
        **options: Any,  # noqa: ANN401
    ) -> Tensor:
        bits, kind = self._bits, _WEIGHTED[func]
        # Packed projections are taken apart by views.
        name = self._weights.get(id(weight)) or self._weights.get(id(weight._base))
        integers = bits.in_integers(kind)
        if name is None or why_float(name, kind, bits.scheme, bits.parts):
            return func(source, weight, *args, **options)
        if not (integers or bits.scheme.small_weights):
            return func(source, weight, *args, **options)
        if integers:
            source = self._rounded(_Pending(bits.inputs, name), source)
        result = func(source, bits.rounded_weight(weight, kind), *args, **options)
        if integers and kind != "linear" and kind not in bits.scheme.float_outputs:
            self._pending[result] = _Pending(bits.results, name)
        return result

    def _rounded_results(self, value: Any) -> Any:  # noqa: ANN401 - whatever the operator takes
        if isinstance(value, list | tuple):
            return [self._rounded_results(each) for each in value]
        pending = self._pending.get(value) if isinstance(value, Tensor) else None
        return value if pending is None else self._rounded(pending, value)

    def _rounded(self, pending: _Pending, value: Tensor) -> Tensor:
        observing = self._observing and not pending.seen
        rounded: Tensor = pending.ranges[_key(pending.name)](value, observing)
        return rounded


def _tensors(args: Iterable[Any]) -> Iterator[Tensor]:
    """Finds the tensors among the arguments of an operator, in lists too."""
    for value in args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _ranges(scheme: Quantisation, names: Iterable[str]) -> dict[str, nn.Module]:
    return {_key(name): MovingRange(scheme) for name in names}


def _key(name: str) -> str:
    """Turns the name of a module into a key, which must have no dots."""
    return name.replace(".", "/")
