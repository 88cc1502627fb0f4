"""Weights of few bits in a Core ML package, by Core ML Tools: whole multiples of a scale, or a palette."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rapsam.contract import GraphContract
from rapsam.export.backends.coreml.package import main_function, read_program, save_package
from rapsam.quantize.policy import Modules
from rapsam.quantize.scheme import Quantisation

# Operators with weights, and the axis of their input channels.
_INPUT_AXES = {"conv": 1, "conv_transpose": 0, "linear": 1}
# Smaller tensors keep 16 bits: a scale or a palette would take as much.
MIN_VALUES = 512


def compress_package(path: Path, contract: GraphContract, scheme: Quantisation, modules: Modules) -> None:
    """Replaces the weights of a package.

    Where blocks of input channels share a scale, weights whose channels are no whole number of blocks have 8
    bits and one scale per output channel.

    Args:
        path: The package, with 16-bit weights.
        contract: Of its graph.
        scheme: What the recipe says.
        modules: What has small weights.
    """
    import coremltools
    from coremltools.optimize import coreml as compression

    weights = _weights(main_function(path, read_program(path, contract)), modules)
    config = compression.OptimizationConfig(
        op_name_configs={name: _form(scheme, inputs) for name, inputs in weights.items()}
    )
    model = coremltools.models.MLModel(str(path), skip_model_load=True)
    compress = compression.palettize_weights if scheme.palette else compression.linear_quantize_weights
    small = path.with_name(f".small.{path.name}")
    save_package(compress(model, config), contract, {}, small)
    shutil.rmtree(path)
    small.rename(path)


def _weights(function: Any, modules: Modules) -> dict[str, int]:  # noqa: ANN401 - untyped package
    """Returns the weights of chosen operators by name, each with its number of input channels.

    The operators have the names of the graph's nodes.
    """
    found: dict[str, int] = {}
    for operation in function.operations:
        name = operation.name.partition("_cast_fp16")[0]
        if operation.op_type in _INPUT_AXES and name in modules.small_nodes:
            weight = operation.inputs["weight"]
            if weight.op is not None and weight.op.op_type == "const":
                found[weight.op.name] = int(weight.shape[_INPUT_AXES[operation.op_type]])
    return found


def _form(scheme: Quantisation, inputs: int) -> Any:  # noqa: ANN401 - untyped package
    if scheme.palette:
        return _palette(scheme)
    if scheme.block is None or inputs % scheme.block:
        return _whole_multiples("int8", granularity="per_channel")
    return _whole_multiples(f"int{scheme.weight_bits}", granularity="per_block", block_size=scheme.block)


def _whole_multiples(dtype: str, **scales: Any) -> Any:  # noqa: ANN401 - untyped package
    from coremltools.optimize import coreml as compression

    return compression.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype=dtype, weight_threshold=MIN_VALUES, **scales
    )


def _palette(scheme: Quantisation) -> Any:  # noqa: ANN401 - untyped package
    from coremltools.optimize import coreml as compression

    groups: dict[str, Any] = {}
    if scheme.group is not None:
        groups = {"granularity": "per_grouped_channel", "group_size": scheme.group}
    return compression.OpPalettizerConfig(
        mode="kmeans", nbits=scheme.weight_bits, weight_threshold=MIN_VALUES, **groups
    )
