"""What of an ML program the Neural Engine can take: an estimate, by our own list of operators.

Core ML decides on the device, per model, chip and system, and tells nobody here. This counts what
`neural_engine.toml` lists: float16 (and comparisons of it), sizes within the limits of the oldest chip, no
integers. On a Mac or a phone, Xcode's performance report says what really runs there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rapsam.contract import GraphContract
from rapsam.export.backends.coreml.neural_engine import EngineList, engine_list
from rapsam.export.backends.delegation import DelegationReport
from rapsam.export.backends.operations import Operation, delegation_report
from rapsam.graph.pixel_size import pixel_grid

if TYPE_CHECKING:
    from torch.export import ExportedProgram

# A name may be the converter's own; with the shape it hardly ever is that of another tensor.
Modules = Mapping[tuple[str, tuple[int, ...]], str]
NO_MODULES: Modules = MappingProxyType({})
_ADDED = re.compile(r"(_cast)?(_to)?_(fp16|fp32|int32|int16|uint16)$")


def placement(function: Any, contract: GraphContract, modules: Modules = NO_MODULES) -> DelegationReport:  # noqa: ANN401
    """Estimates how a program is split between the Neural Engine and the rest.

    Args:
        function: From `package.main_function`.
        contract: Says which tensors count as pixel-sized.
        modules: From `module_names`; without it, fallbacks have no modules of origin.
    """
    listed = engine_list()
    operations = [
        _operation(operation, listed, modules)
        for operation in function.operations
        if not _is_stored(operation.outputs[0])
    ]
    pieces = sum(delegated for delegated, _ in groupby(each.delegated for each in operations))
    return delegation_report("Neural Engine", "estimated", operations, pieces, pixel_grid(contract))


def module_names(program: ExportedProgram) -> Modules:
    """Returns the dotted name of the module that each node, parameter and buffer of a graph comes from.

    The keys are the names and shapes of the tensors.

    The converter names operators and weights after those of the graph that it is given.
    """
    signature = program.graph_signature
    stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    names = {}
    for node in program.graph.nodes:
        stack = list(node.meta.get("nn_module_stack", {}).values())
        module = str(stack[-1][0]) if stack else stored.get(node.name, "").rpartition(".")[0]
        value = node.meta.get("val")
        first = value[0] if isinstance(value, tuple) and value else value
        if module and hasattr(first, "shape"):
            names[node.name, tuple(first.shape)] = module
    return names


def count_macs(operation: Any) -> int:  # noqa: ANN401 - untyped package
    """Counts the multiply-adds of a convolution or product from its shapes; 0 for all other operators."""
    inputs, made = operation.inputs, math.prod(operation.outputs[0].shape)
    if operation.op_type == "conv":
        return int(made * math.prod(inputs["weight"].shape[1:]))
    if operation.op_type == "conv_transpose":
        return int(math.prod(inputs["x"].shape) * math.prod(inputs["weight"].shape[1:]))
    if operation.op_type == "linear":
        return int(made * inputs["weight"].shape[1])
    if operation.op_type == "matmul":
        return int(made * inputs["x"].shape[-2 if inputs["transpose_x"].val else -1])
    if operation.op_type == "scaled_dot_product_attention":
        query, key = inputs["query"].shape, inputs["key"].shape
        return int(math.prod(query[:-1]) * key[-2] * query[-1] + made * key[-2])
    return 0


def _operation(operation: Any, listed: EngineList, modules: Modules) -> Operation:  # noqa: ANN401 - untyped package
    objection = _objection(operation, listed)
    computed = [variable for variable in _variables(operation) if not _is_stored(variable)]
    return Operation(
        op=f"{operation.op_type}{objection or ''}",
        module=_module(operation, modules),
        shapes=tuple(tuple(variable.shape) for variable in (*computed, *operation.outputs)),
        macs=count_macs(operation),
        delegated=objection is None,
        gathers=operation.op_type == "gather" and not _is_stored(operation.inputs["x"]),
    )


def _objection(operation: Any, listed: EngineList) -> str | None:  # noqa: ANN401 - untyped package
    """Says what keeps an operator off the engine, as a suffix of its name; None if nothing is known to."""
    if operation.op_type not in listed.engine:
        return ""
    limits = listed.limits
    tensors = [*_variables(operation), *operation.outputs]
    kinds = {_kind(variable) for variable in tensors if variable.rank > 0}
    other = sorted(kinds - {"fp16", "bool"})
    if other:
        return f" ({other[0]})"
    if max(variable.rank for variable in tensors) > limits.max_rank:
        return f" (rank above {limits.max_rank})"
    if max((axis for variable in tensors for axis in variable.shape[-2:]), default=0) > limits.max_axis:
        return f" (axis above {limits.max_axis})"
    return _form_objection(operation, listed)


def _form_objection(operation: Any, listed: EngineList) -> str | None:  # noqa: ANN401 - untyped package
    limits, inputs = listed.limits, operation.inputs
    if operation.op_type.startswith("conv"):
        if any(each != 1 for each in inputs["dilations"].val):
            return " (dilated)"
        kernel = inputs["weight"].shape[2:]
    else:
        kernel = inputs["kernel_sizes"].val if "kernel_sizes" in inputs else ()
    if any(side > limits.max_kernel for side in kernel):
        return f" (kernel above {limits.max_kernel})"
    if operation.op_type.startswith("upsample"):
        factor = max(inputs[f"scale_factor_{axis}"].val for axis in ("height", "width"))
        if factor > limits.max_upsampling:
            return f" (factor {factor:g})"
    return None


def _module(operation: Any, modules: Modules) -> str:  # noqa: ANN401 - untyped package
    """Weights say it best, because passes of the converter rename operators."""
    values = [value for value in operation.inputs.values() if hasattr(value, "val") and value.val is not None]
    named = [(_captured(value.name), tuple(value.shape)) for value in (*values, operation.outputs[0])]
    return next((modules[name] for name in named if name in modules), "")


def _captured(name: str) -> str:
    """Takes off what the converter adds to a name for a change of type."""
    while (shorter := _ADDED.sub("", name)) != name:
        name = shorter
    return name


def _variables(operation: Any) -> list[Any]:  # noqa: ANN401 - untyped package
    """The tensors that an operator reads: computed ones, and constants of rank 1 or more that are floats."""
    values = [
        variable
        for value in operation.inputs.values()
        if value is not None
        for variable in (value if isinstance(value, list | tuple) else (value,))
    ]
    return [variable for variable in values if not _is_attribute(variable)]


def _is_attribute(variable: Any) -> bool:  # noqa: ANN401 - untyped package
    return variable.val is not None and (variable.rank == 0 or not _kind(variable).startswith("fp"))


def _is_stored(variable: Any) -> bool:  # noqa: ANN401 - untyped package
    return variable.op is not None and variable.op.op_type.startswith("const")


def _kind(variable: Any) -> str:  # noqa: ANN401 - untyped package
    from coremltools.converters.mil.mil import types

    return str(types.builtin_to_string(variable.dtype))
