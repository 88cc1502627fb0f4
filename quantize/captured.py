"""Quantisation of a captured graph: where it becomes integers, and by which scales, gets part of the graph.

What comes out computes in PyTorch what the target computes in integers, up to the rounding of its kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torchao.quantization.pt2e.observer import MinMaxObserver, PerChannelMinMaxObserver, PlaceholderObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import (
    DerivedQuantizationSpec,
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
    SharedQuantizationSpec,
)

from rapsam.contract import GraphContract
from rapsam.errors import InputError
from rapsam.graph.capture import trace
from rapsam.graph.rewrites.shuffle_transposed import shuffle_transposed
from rapsam.inference.runner import Arrays
from rapsam.models.parts import PartRole
from rapsam.quantize.policy import Choice, Left, choose_operators, module_of
from rapsam.quantize.scheme import WEIGHTED, Kind, Quantisation, activation_limits

# Axis of a weight that has a scale per entry.
_CHANNEL_AXES: dict[Kind, int] = {"convolution": 0, "transposed convolution": 1, "linear": 0}
# What picks values, or means of neighbours, needs no scale of its own.
_SAME_SCALE: tuple[Kind, ...] = ("maximum", "enlargement", "rearrangement")
_BIAS_BITS = 32
# The smallest scale: what is zero everywhere must have one too.
_EPSILON = 2.0**-24


class Quantised(NamedTuple):
    """A quantised graph.

    Attributes:
        program: Takes and returns what the float one did.
        left: Operators with multiply-adds that stay float.
    """

    program: ExportedProgram
    left: tuple[Left, ...]


def quantise_captured(
    program: ExportedProgram,
    contract: GraphContract,
    scheme: Quantisation,
    samples: Iterable[Arrays],
    parts: Mapping[PartRole, str],
    kept: frozenset[str] = frozenset(),
) -> Quantised:
    """Quantises a captured graph by the range that each tensor has on samples.

    Args:
        program: A float32 graph from `capture`. It is not changed.
        contract: Its contract.
        scheme: What the recipe says.
        samples: Inputs by name, gone through once; none are needed for weights alone.
        parts: See `choose_operators`.
        kept: See `choose_operators`.

    Raises:
        InputError: If there are no samples and activations need them, or if they lead to what is no number.
    """
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    if scheme.shuffled:
        shuffle_transposed(module)
        module = trace(module, contract).module(check_guards=False)
        assert isinstance(module, fx.GraphModule)
    annotator = _Annotator(scheme, lambda graph: choose_operators(graph, scheme, parts, kept))
    prepared = prepare_pt2e(module, annotator)
    if scheme.activation_bits is None or scheme.dynamic:  # weights are observed whatever flows
        samples = [contract.example_inputs()]
    _observe(prepared, contract, samples)
    converted = convert_pt2e(prepared)
    return Quantised(trace(converted, contract), annotator.left)


def _observe(prepared: fx.GraphModule, contract: GraphContract, samples: Iterable[Arrays]) -> None:
    count = 0
    with torch.no_grad():
        for count, sample in enumerate(samples, start=1):  # noqa: B007 - the count is what is asked for
            prepared(*(torch.from_numpy(sample[spec.name]) for spec in contract.inputs))
    if not count:
        raise InputError(f"no samples to calibrate graph {contract.graph!r} with; give --calibration")
    for node in prepared.graph.nodes:
        if node.op != "call_module":
            continue
        observer = prepared.get_submodule(str(node.target))
        low, high = getattr(observer, "min_val", None), getattr(observer, "max_val", None)
        if low is not None and high is not None and not (low.isfinite().all() and high.isfinite().all()):
            where = module_of(node.args[0]) or module_of(next(iter(node.users))) or "its inputs"
            raise InputError(
                f"calibrating graph {contract.graph!r} gives values in {where} that are no finite numbers; "
                "look at the weights and at the calibration images"
            )


class _Annotator(Quantizer):  # type: ignore[misc]
    """Tells torchao what to quantise, and remembers what it left."""

    def __init__(self, scheme: Quantisation, choose: Callable[[fx.Graph], Choice]) -> None:
        super().__init__()
        self._scheme = scheme
        self._choose = choose
        self._activation = None if scheme.activation_bits is None else _activation_spec(scheme)
        self.left: tuple[Left, ...] = ()

    def validate(self, model: fx.GraphModule) -> None:
        """Has nothing to say."""

    def annotate(self, model: fx.GraphModule) -> fx.GraphModule:
        """Marks the inputs and outputs of all chosen operators."""
        choice = self._choose(model.graph)
        self.left = choice.left
        for node, kind in choice.small_weights.items():
            _, weight = node.all_input_nodes[:2]
            _mark(node, {weight: _weight_spec(self._scheme.weight_bits, _CHANNEL_AXES[kind])}, None)
        for node, kind in choice.integers.items():
            self._annotate(node, kind)
        return model

    def _annotate(self, node: fx.Node, kind: Kind) -> None:
        output = None if kind in self._scheme.float_outputs else self._activation
        if kind in WEIGHTED:
            _mark(node, self._weighted_inputs(node, kind), output)
        elif kind in _SAME_SCALE:
            (source,) = node.all_input_nodes
            _mark(node, {source: self._activation}, SharedQuantizationSpec((source, node)))
        elif kind == "rectifier" and _leaves_its_result(node):
            _mark(node, {}, output)
        else:
            _mark(node, dict.fromkeys(node.all_input_nodes, self._activation), output)

    def _weighted_inputs(self, node: fx.Node, kind: Kind) -> dict[fx.Node, Any]:
        source, weight, *rest = node.args
        assert isinstance(source, fx.Node)
        assert isinstance(weight, fx.Node)
        inputs = {
            source: self._activation,
            weight: _weight_spec(self._scheme.weight_bits, _CHANNEL_AXES[kind]),
        }
        bias = rest[0] if rest else None
        if isinstance(bias, fx.Node) and self._scheme.integer_biases:
            inputs[bias] = _bias_spec(node, source, weight)
        return inputs


def _leaves_its_result(rectifier: fx.Node) -> bool:
    """Leaves a result that a rectifier alone takes to the rectifier: kernels do both at once."""
    source = rectifier.args[0]
    assert isinstance(source, fx.Node)
    annotation = source.meta.get("quantization_annotation")
    if annotation is None or len(source.users) > 1:
        return False
    annotation.output_qspec = None
    return True


def _mark(node: fx.Node, inputs: Mapping[fx.Node, Any], output: Any) -> None:  # noqa: ANN401 - untyped package
    node.meta["quantization_annotation"] = QuantizationAnnotation(
        input_qspec_map=dict(inputs), output_qspec=output, _annotated=True
    )


def _activation_spec(scheme: Quantisation) -> Any:  # noqa: ANN401 - untyped package
    bits = scheme.activation_bits
    assert bits is not None
    dtypes = {(8, False): torch.uint8, (8, True): torch.int8, (16, True): torch.int16}
    limits, dtype = activation_limits(scheme), dtypes[bits, scheme.signed]
    if scheme.dynamic:
        return _dynamic_spec(dtype, limits)
    qscheme = torch.per_tensor_symmetric if scheme.symmetric else torch.per_tensor_affine
    return _spec(MinMaxObserver, dtype, limits, qscheme)


def _weight_spec(bits: int, axis: int) -> Any:  # noqa: ANN401 - untyped package
    limit = 2 ** (bits - 1) - 1
    return _spec(
        PerChannelMinMaxObserver, torch.int8, (-limit, limit), torch.per_channel_symmetric, ch_axis=axis
    )


def _spec(
    observer: Any,  # noqa: ANN401 - untyped package
    dtype: torch.dtype,
    limits: tuple[int, int],
    qscheme: torch.qscheme,
    **axis: int,
) -> Any:  # noqa: ANN401 - untyped package
    facts: dict[str, Any] = {
        "dtype": dtype,
        "quant_min": limits[0],
        "quant_max": limits[1],
        "qscheme": qscheme,
        **axis,
    }
    return QuantizationSpec(
        observer_or_fake_quant_ctr=observer.with_args(**facts, eps=_EPSILON), is_dynamic=False, **facts
    )


def _dynamic_spec(dtype: torch.dtype, limits: tuple[int, int]) -> Any:  # noqa: ANN401 - untyped package
    facts: dict[str, Any] = {"dtype": dtype, "quant_min": limits[0], "quant_max": limits[1]}
    observer = PlaceholderObserver.with_args(**facts, eps=_EPSILON, is_dynamic=True)
    return QuantizationSpec(
        observer_or_fake_quant_ctr=observer, is_dynamic=True, qscheme=torch.per_tensor_affine, **facts
    )


def _bias_spec(node: fx.Node, source: fx.Node, weight: fx.Node) -> Any:  # noqa: ANN401 - untyped package
    limit = 2 ** (_BIAS_BITS - 1) - 1
    return DerivedQuantizationSpec(
        derived_from=[(source, node), (weight, node)],
        derive_qparams_fn=_product_of_scales,
        dtype=torch.int32,
        quant_min=-limit,
        quant_max=limit,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
        is_dynamic=False,
    )


def _product_of_scales(observers: Sequence[Any]) -> tuple[Tensor, Tensor]:
    (source, _), (weight, _) = (observer.calculate_qparams() for observer in observers)
    scale = (source * weight).float()
    return scale, torch.zeros_like(scale, dtype=torch.int64)
