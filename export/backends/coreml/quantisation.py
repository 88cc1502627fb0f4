"""Weights of few bits in a Core ML package, by Core ML Tools: whole multiples of a scale, or a palette."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import ExportError
from rapsam.export.backends.coreml.package import main_function, read_program, save_package
from rapsam.quantize.compensated import MIN_VALUES, palette_channels
from rapsam.quantize.policy import Modules
from rapsam.quantize.scheme import Quantisation

# The axis of output channels.
_WEIGHTED = {"conv": 0, "conv_transpose": 1, "linear": 0}
_Weight = npt.NDArray[np.float16]


def compress_package(path: Path, contract: GraphContract, scheme: Quantisation, modules: Modules) -> None:
    """Replaces the weights of a package.

    Args:
        path: The package, with 16-bit weights; those of a palette have its values already.
        contract: Of its graph.
        scheme: What the recipe says.
        modules: What has small weights.

    Raises:
        ExportError: If a weight has more values than its palette could have.
    """
    import coremltools
    from coremltools.optimize import coreml as compression

    forms = {
        name: _palette_form(name, np.moveaxis(weight, axis, 0), scheme) if scheme.palette else _linear_form()
        for name, weight, axis in _weights(main_function(path, read_program(path, contract)), modules)
    }
    config = compression.OptimizationConfig(op_name_configs=forms)
    model = coremltools.models.MLModel(str(path), skip_model_load=True)
    compress = compression.palettize_weights if scheme.palette else compression.linear_quantize_weights
    small = path.with_name(f".small.{path.name}")
    save_package(compress(model, config), contract, {}, small)
    shutil.rmtree(path)
    small.rename(path)


def _weights(function: Any, modules: Modules) -> Iterator[tuple[str, _Weight, int]]:  # noqa: ANN401
    """Lists the constants that are weights of chosen operators: these have the names of the graph's nodes.

    Yields:
        Name, values, and axis of the output channels, of each that is large enough.
    """
    seen = set[str]()
    for operation in function.operations:
        name = operation.name.partition("_cast_fp16")[0]
        if operation.op_type in _WEIGHTED and name in modules.small_nodes:
            weight = operation.inputs["weight"]
            constant = weight.op is not None and weight.op.op_type == "const"
            if constant and weight.op.name not in seen and weight.val.size >= MIN_VALUES:
                seen.add(weight.op.name)
                yield weight.op.name, weight.val, _WEIGHTED[operation.op_type]


def _linear_form() -> Any:  # noqa: ANN401 - untyped package
    from coremltools.optimize import coreml as compression

    return compression.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=MIN_VALUES
    )


def _palette_form(name: str, weight: _Weight, scheme: Quantisation) -> Any:  # noqa: ANN401 - untyped package
    """Says how a weight is stored whose palettes are chosen: Core ML Tools has to find them again."""
    from coremltools.optimize import coreml as compression

    channels = palette_channels(weight.shape[0], scheme)
    counts = [len(np.unique(part)) for part in np.split(weight, weight.shape[0] // channels)]
    if max(counts) > 2**scheme.weight_bits:
        raise ExportError(
            f"weight {name!r} has {max(counts)} values in one palette; expected {2**scheme.weight_bits} at "
            "most: the converter has changed it; take w8"
        )
    if channels == weight.shape[0]:
        return compression.OpPalettizerConfig(mode="unique", weight_threshold=MIN_VALUES)
    return compression.OpPalettizerConfig(
        mode="unique", granularity="per_grouped_channel", group_size=channels, weight_threshold=MIN_VALUES
    )
