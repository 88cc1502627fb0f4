"""Weights of few bits in a Core ML package, by Core ML Tools: whole multiples of a scale, or a palette."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rapsam.contract import GraphContract
from rapsam.export.backends.coreml.package import main_function, read_program, save_package
from rapsam.quantize.policy import Modules
from rapsam.quantize.scheme import Quantisation

_WEIGHTED = ("conv", "conv_transpose", "linear")
# Smaller tensors keep 16 bits: a scale or a palette would take as much.
MIN_VALUES = 512


def compress_package(path: Path, contract: GraphContract, scheme: Quantisation, modules: Modules) -> None:
    """Replaces the weights of a package.

    Args:
        path: The package, with 16-bit weights.
        contract: Of its graph.
        scheme: What the recipe says.
        modules: What has small weights.
    """
    import coremltools
    from coremltools.optimize import coreml as compression

    names = _weights(main_function(path, read_program(path, contract)), modules)
    config = compression.OptimizationConfig(op_name_configs=dict.fromkeys(names, _form(scheme)))
    model = coremltools.models.MLModel(str(path), skip_model_load=True)
    compress = compression.palettize_weights if scheme.palette else compression.linear_quantize_weights
    small = path.with_name(f".small.{path.name}")
    save_package(compress(model, config), contract, {}, small)
    shutil.rmtree(path)
    small.rename(path)


def _weights(function: Any, modules: Modules) -> list[str]:  # noqa: ANN401 - untyped package
    """Names the constants that are weights of chosen operators: these have the names of the graph's nodes."""
    found = []
    for operation in function.operations:
        name = operation.name.partition("_cast_fp16")[0]
        if operation.op_type in _WEIGHTED and name in modules.small_nodes:
            weight = operation.inputs["weight"]
            if weight.op is not None and weight.op.op_type == "const":
                found.append(weight.op.name)
    return list(dict.fromkeys(found))


def _form(scheme: Quantisation) -> Any:  # noqa: ANN401 - untyped package
    from coremltools.optimize import coreml as compression

    if not scheme.palette:
        return compression.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=MIN_VALUES
        )
    if scheme.group is None:
        return compression.OpPalettizerConfig(
            mode="kmeans", nbits=scheme.weight_bits, weight_threshold=MIN_VALUES
        )
    return compression.OpPalettizerConfig(
        mode="kmeans",
        nbits=scheme.weight_bits,
        granularity="per_grouped_channel",
        group_size=scheme.group,
        weight_threshold=MIN_VALUES,
    )
