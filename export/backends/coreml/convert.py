"""The conversion to an ML program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.kept_precision import KEEPS_FLOAT32, SensitiveKind

if TYPE_CHECKING:
    from torch.export import ExportedProgram

# No sampler: recipes of Core ML have none. No centring: its images have whole levels, and float32 before the
# first layer would be a step beside the Neural Engine.
_OPERATORS: Mapping[SensitiveKind, tuple[str, ...]] = {"wave": ("sin", "cos"), "norm": ("layer_norm",)}
# float16 has steps of 6e-8 near zero: Core ML Tools would make an epsilon of 1e-10 six hundred times larger.
_EPSILON_ERROR = 0.05


def decomposed(program: ExportedProgram) -> ExportedProgram:
    """Brings a captured graph into the operators that Core ML Tools reads; the program is not changed.

    Core ML Tools 9 knows neither bitwise operators nor aliases, and no programs in the dialect that PyTorch
    captures.
    """
    import torch

    spared = {torch.ops.aten.__and__.Tensor: torch.logical_and, torch.ops.aten.alias.default: torch.clone}
    graph: ExportedProgram = program.run_decompositions(spared)
    return graph


def converted(program: ExportedProgram, contract: GraphContract, target: str, precision: str) -> Any:  # noqa: ANN401
    """Converts a captured graph.

    Args:
        program: The float32 graph from `decomposed`.
        contract: Its contract.
        target: Deployment target, as in "iOS17".
        precision: "fp32" or "fp16".

    Returns:
        A `coremltools.models.MLModel`, not yet compiled.
    """
    import coremltools

    return coremltools.convert(
        program,
        source="pytorch",
        convert_to="mlprogram",
        inputs=[_input(spec) for spec in contract.inputs],
        outputs=[coremltools.TensorType(name=spec.name, dtype=np.float32) for spec in contract.outputs],
        minimum_deployment_target=coremltools.target[target],
        compute_precision=_compute_precision(precision),
        skip_model_load=True,
    )


def is_image(spec: TensorSpec) -> bool:
    """Says whether an input becomes an RGB image in Core ML."""
    return spec.layout == "NCHW" and spec.shape[:2] == (1, 3) and spec.value_range == (0.0, 255.0)


def _input(spec: TensorSpec) -> Any:  # noqa: ANN401 - untyped package
    import coremltools

    if not is_image(spec):
        return coremltools.TensorType(name=spec.name, shape=spec.shape, dtype=np.float32)
    layout = coremltools.colorlayout.RGB
    return coremltools.ImageType(
        name=spec.name, shape=spec.shape, color_layout=layout, scale=1.0, bias=[0.0, 0.0, 0.0]
    )


def _compute_precision(precision: str) -> Any:  # noqa: ANN401 - untyped package
    import coremltools

    if precision == "fp32":
        return coremltools.precision.FLOAT32
    return coremltools.transform.FP16ComputePrecision(op_selector=_HalfSelector())


class _HalfSelector:
    """Chooses float16 for all operations but those of `_needs_float32`."""

    def __init__(self) -> None:
        self._full: set[str] | None = None

    def __call__(self, operation: Any) -> bool:  # noqa: ANN401 - untyped package
        if self._full is None:  # the first call comes before anything is changed
            self._full = _needs_float32(operation.enclosing_block)
        return operation.name not in self._full


def _needs_float32(block: Any) -> set[str]:  # noqa: ANN401 - untyped package
    """Names what keeps float32, of layer norms those alone that have too small an epsilon.

    Core ML computes a layer norm as one operator, which rounds what it takes and gives, and nothing between.
    """
    found: set[str] = set()
    for kind, types in _OPERATORS.items():
        for operation in block.operations:
            if operation.op_type not in types or (kind == "norm" and not _loses_epsilon(operation)):
                continue
            found.add(operation.name)
            if KEEPS_FLOAT32[kind].reach == "sources":
                _add_sources(operation, found)
    return found


def _add_sources(operation: Any, found: set[str]) -> None:  # noqa: ANN401 - untyped package
    waiting = [operation]
    while waiting:
        variables = [v for value in waiting.pop().inputs.values() for v in _variables(value)]
        sources = [variable.op for variable in variables if variable.op is not None]
        new = [source for source in sources if source.name not in found]
        found.update(source.name for source in new)
        waiting.extend(new)


def _loses_epsilon(operation: Any) -> bool:  # noqa: ANN401 - untyped package
    epsilon = float(operation.epsilon.val)
    return abs(float(np.float16(epsilon)) - epsilon) > _EPSILON_ERROR * epsilon


def _variables(value: Any) -> list[Any]:  # noqa: ANN401 - untyped package
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
