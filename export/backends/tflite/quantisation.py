"""Few bits in TFLite, by LiteRT's own quantiser, which goes by names of modules, not of operators."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rapsam.contract import GraphContract
from rapsam.errors import InputError
from rapsam.export.backends.tflite.weights import with_weights_inside
from rapsam.inference.runner import Arrays
from rapsam.quantize.policy import Modules
from rapsam.quantize.scheme import Kind, Quantisation

# Names of LiteRT's operators: those with weights, and the others.
_WEIGHTED: dict[Kind, tuple[str, ...]] = {
    "convolution": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "transposed convolution": ("CONV_2D_TRANSPOSE",),
    "linear": ("FULLY_CONNECTED",),
}
# What a convolution brings along is its padding and its layout.
_OTHERS: dict[Kind, tuple[str, ...]] = {
    "convolution": ("PAD", "TRANSPOSE"),
    "sum": ("ADD",),
    "rectifier": ("RELU",),
    "maximum": ("MAX_POOL_2D", "PAD", "PADV2"),
    "enlargement": ("RESIZE_BILINEAR",),
}
_SIGNATURE = "serving_default"
# Samples that are in memory at once.
_PORTION = 8


class _Rule(NamedTuple):
    """Operators of modules, and whether they are computed in integers or have small weights alone."""

    operator: str
    names: str
    integers: bool


def quantised_tflite(
    path: Path, contract: GraphContract, scheme: Quantisation, modules: Modules, samples: Iterable[Arrays]
) -> bytes:
    """Quantises a float file, inputs and outputs of the graph excepted.

    Args:
        path: The file.
        contract: Of the graph.
        scheme: What the recipe says.
        modules: What is computed in integers, and what has small weights alone.
        samples: Inputs to find ranges on, for what is computed in integers; a few at a time are in memory.

    Raises:
        InputError: If ranges are needed and there are no samples.
    """
    from ai_edge_quantizer.quantizer import Quantizer

    quantizer = Quantizer(path.read_bytes())
    rules = list(_rules(modules))
    for rule in rules:
        _apply(quantizer, rule, scheme)
    ranges = _ranges(quantizer, contract, samples) if any(rule.integers for rule in rules) else None
    return with_weights_inside(quantizer.quantize(ranges).quantized_model)


def _ranges(quantizer: Any, contract: GraphContract, samples: Iterable[Arrays]) -> Any:  # noqa: ANN401
    ranges, left = None, iter(samples)
    while portion := list(islice(left, _PORTION)):
        inputs = [{spec.name: sample[spec.name] for spec in contract.inputs} for sample in portion]
        ranges = quantizer.calibrate({_SIGNATURE: inputs}, ranges)
    if ranges is None:
        raise InputError(f"no samples to calibrate graph {contract.graph!r} with; give --calibration")
    return ranges


def _rules(modules: Modules) -> Iterator[_Rule]:
    for kind, names in modules.small_weights.items():
        for operator in _WEIGHTED[kind]:
            yield _Rule(operator, _any_of(names), integers=False)
    for kind, names in modules.integers.items():
        for operator in (*_WEIGHTED.get(kind, ()), *_OTHERS.get(kind, ())):
            yield _Rule(operator, _any_of(names), integers=True)


def _any_of(names: Iterable[str]) -> str:
    """Matches what LiteRT calls an operator: its modules, each with a number or none, all behind semicolons.

    The graph itself is a module without a name, so a name must be looked for where one begins.
    """
    return f"^(?:[^;]*;[^;]*;)*(?:{'|'.join(re.escape(name) for name in sorted(names))});"


def _apply(quantizer: Any, rule: _Rule, scheme: Quantisation) -> None:  # noqa: ANN401 - untyped package
    from ai_edge_quantizer import qtyping

    weights = qtyping.TensorQuantizationConfig(
        num_bits=scheme.weight_bits, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE
    )
    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=weights,
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    if rule.integers:
        bits = scheme.activation_bits
        assert bits is not None
        activations = qtyping.TensorQuantizationConfig(
            num_bits=bits,
            symmetric=bits == 16,
            granularity=qtyping.QuantGranularity.TENSORWISE,
        )
        config = qtyping.OpQuantizationConfig(
            activation_tensor_config=activations,
            weight_tensor_config=weights,
            compute_precision=qtyping.ComputePrecision.INTEGER,
        )
    operator = getattr(qtyping.TFLOperationName, rule.operator)
    quantizer.update_quantization_recipe(rule.names, operator, config)
