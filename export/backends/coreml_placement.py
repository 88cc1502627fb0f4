"""What of a saved Core ML package the Neural Engine can take: an estimate, by our own list of operators.

Core ML decides on the device, per model, chip and system, and tells nobody here. This counts what
`neural_engine.toml` lists: float16 (and comparisons of it), sizes within the limits of the oldest chip, no
integers. A strict export to Core ML therefore says "nothing is known to keep this graph off the engine",
not "it runs there"; on a Mac or a phone, Xcode's performance report says what does.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rapsam.contract import GraphContract
from rapsam.export.backends.coreml_package import main_function
from rapsam.export.backends.neural_engine import EngineList, engine_list
from rapsam.export.delegation import DelegationReport, FallbackOp
from rapsam.export.pixel_size import is_pixel_sized, pixel_threshold

if TYPE_CHECKING:
    from torch.export import ExportedProgram

# A name may be the converter's own; with the shape it hardly ever is that of another tensor.
Modules = Mapping[tuple[str, tuple[int, ...]], str]
NO_MODULES: Modules = MappingProxyType({})
_ADDED = re.compile(r"(_cast)?(_to)?_(fp16|fp32|int32|int16|uint16)$")


def placement(
    path: Path, contract: GraphContract, ios: int, modules: Modules = NO_MODULES
) -> DelegationReport:
    """Estimates how a saved package is split between the Neural Engine and the rest.

    Args:
        path: The package.
        contract: Says which tensors count as pixel-sized.
        ios: Deployment target: 16, 17 or 18.
        modules: From `module_names`; without it, fallbacks have no modules of origin.
    """
    listed = engine_list()
    operations = [op for op in main_function(path).operations if not op.op_type.startswith("const")]
    objections = [_objection(operation, listed, ios) for operation in operations]
    macs = [count_macs(operation) for operation in operations]
    taken = [objection is None for objection in objections]
    fallbacks: dict[str, list[Any]] = defaultdict(list)
    for operation, objection in zip(operations, objections, strict=True):
        if objection is not None:
            fallbacks[f"{operation.op_type}{objection}"].append(operation)
    threshold = pixel_threshold(contract)
    named = [_fallback(name, group, threshold, modules) for name, group in fallbacks.items()]
    return DelegationReport(
        delegate="Neural Engine",
        provenance="estimated",
        macs=sum(macs),
        macs_delegated=sum(count for count, is_taken in zip(macs, taken, strict=True) if is_taken),
        ops=len(operations),
        ops_delegated=sum(taken),
        partitions=sum(is_taken for is_taken, _ in groupby(taken)),
        fallbacks=tuple(sorted(named, key=lambda each: (-each.macs, -each.count, each.op))),
    )


def module_names(program: ExportedProgram) -> Modules:
    """Gives the dotted name of the module that each node, parameter and buffer of a graph comes from.

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


def is_deform_gather(operation: Any) -> bool:  # noqa: ANN401 - untyped package
    """Says whether an operator is the row gather of a deformable convolution.

    Its mark is the arithmetic of its indices: integers that come from the floor of float positions. No other
    gather of these networks has it, and it does not depend on names.
    """
    if operation.op_type != "gather":
        return False
    return any(each.op_type == "floor" for each in _index_arithmetic(operation))


def _objection(operation: Any, listed: EngineList, ios: int) -> str | None:  # noqa: ANN401 - untyped package
    """Says what keeps an operator off the engine, as a suffix of its name; None if nothing is known to."""
    if not listed.takes(operation.op_type, ios):
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


def _fallback(name: str, group: list[Any], threshold: int, modules: Modules) -> FallbackOp:
    origins = {module for operation in group for module in _modules(operation, modules)}
    return FallbackOp(
        op=name,
        count=len(group),
        modules=tuple(sorted(origins)),
        macs=sum(count_macs(operation) for operation in group),
        pixel_sized=any(is_pixel_sized(out.shape, threshold) for op in group for out in op.outputs),
        is_deform_gather=all(is_deform_gather(operation) for operation in group),
    )


def _modules(operation: Any, modules: Modules) -> set[str]:  # noqa: ANN401 - untyped package
    """Weights say it best, because passes of the converter rename operators."""
    values = [value for value in operation.inputs.values() if hasattr(value, "val") and value.val is not None]
    found = {_module(value.name, value.shape, modules) for value in values} - {""}
    return found or {_module(operation.name, operation.outputs[0].shape, modules)} - {""}


def _module(name: str, shape: tuple[int, ...], modules: Modules) -> str:
    return modules.get((_captured(name), tuple(shape)), "")


def _captured(name: str) -> str:
    """Takes off what the converter adds to a name for a change of type."""
    while (shorter := _ADDED.sub("", name)) != name:
        name = shorter
    return name


def _index_arithmetic(gather: Any) -> Iterable[Any]:  # noqa: ANN401 - untyped package
    """Walks from the indices of a gather back over integers, up to the floats that they are made of."""
    waiting, seen = [gather.inputs["indices"].op], set()
    while waiting:
        operation = waiting.pop()
        if operation is None or operation.name in seen:
            continue
        seen.add(operation.name)
        yield operation
        if operation.op_type in ("cast", "floor") or _kind(operation.outputs[0]).startswith(("int", "uint")):
            waiting.extend(variable.op for variable in _variables(operation))


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


def _kind(variable: Any) -> str:  # noqa: ANN401 - untyped package
    from coremltools.converters.mil.mil import types

    return str(types.builtin_to_string(variable.dtype))
