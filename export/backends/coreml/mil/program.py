"""A program made ready to run: constants decoded once, operators bound to their attributes, values freed."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rapsam.errors import BundleError
from rapsam.export.backends.coreml.mil.constants import COMPRESSED, Constants, as_tensor, constants_of
from rapsam.export.backends.coreml.mil.operators import EXACT, OPERATORS
from rapsam.export.backends.coreml.mil.roundings import LIMITS

Values = dict[str, Tensor]
Source = str | tuple[str, ...]

_TYPES = {
    "fp16": torch.float32,  # rounded to float16, and computed with in float32
    "fp32": torch.float32,
    "bool": torch.bool,
    "int32": torch.int32,
    "int16": torch.int32,
    "uint16": torch.int32,
    "int8": torch.int32,
    "uint8": torch.int32,
}
# The converter takes 16 bits for indices that fit; what a phone makes of others is not known.
_RANGES = {"int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1), **LIMITS}


@dataclass(frozen=True)
class _Result:
    """One output of an operator.

    Attributes:
        name: Name of the value.
        shape: Its shape.
        dtype: Its type for PyTorch.
        is_rounded: Whether it is rounded to float16.
        limits: Smallest and largest whole number that it can hold; None for other types than small integers.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    is_rounded: bool
    limits: tuple[int, int] | None

    def typed(self, value: Tensor) -> Tensor:
        if self.limits is not None and not value.is_meta:
            self._check_range(value, *self.limits)
        return value.half().float() if self.is_rounded else value.to(self.dtype)

    def _check_range(self, value: Tensor, lowest: int, highest: int) -> None:
        whole = value.double().trunc()
        if not ((whole >= lowest) & (whole <= highest)).all():
            raise BundleError(
                f"{self.name!r} leaves its range of {lowest} to {highest}; its program is wrong: export again"
            )


@dataclass(frozen=True)
class _Step:
    """One operator.

    Attributes:
        label: Operator and name, for messages.
        compute: The operator, its attributes bound.
        sources: Names of the values of its tensor inputs.
        results: Its outputs.
        last_used: Names of the values that nothing later needs.
    """

    label: str
    compute: Callable[..., Any]
    sources: Mapping[str, Source]
    results: tuple[_Result, ...]
    last_used: tuple[str, ...]

    def run(self, values: Values) -> Values:
        inputs = {
            name: values[source] if isinstance(source, str) else [values[each] for each in source]
            for name, source in self.sources.items()
        }
        made = self.compute(**inputs)
        outputs = made if isinstance(made, tuple) else (made,)
        pairs = zip(self.results, outputs, strict=True)
        return {result.name: result.typed(output) for result, output in pairs}


class MilProgram:
    """The main function of an ML program.

    Args:
        function: A function as Core ML Tools loads it.
        inputs: Names of the inputs that will be given.
        outputs: Names of the outputs that are wanted.

    Raises:
        BundleError: If an operator has an unknown form, or computes what must be constant.
    """

    def __init__(self, function: Any, inputs: Iterable[str], outputs: Iterable[str]) -> None:  # noqa: ANN401
        constants = constants_of(function)
        operations = [op for op in function.operations if op.op_type not in ("const", *COMPRESSED)]
        self._outputs = tuple(outputs)
        self._steps = _steps(operations, constants, kept={*self._outputs})
        used = {name for step in self._steps for name in _names(step.sources)}
        self._constants = {name: as_tensor(constants[name]) for name in sorted(used & set(constants))}
        self._check_shapes(function, inputs)

    def run(self, inputs: Mapping[str, Tensor]) -> Values:
        """Computes the outputs from the inputs, all float32, by name."""
        with torch.inference_mode():
            return self._run({**self._constants, **inputs})

    def _run(self, values: Values) -> Values:
        for step in self._steps:
            values.update(step.run(values))
            for name in step.last_used:
                del values[name]
        return {name: values[name] for name in self._outputs}

    def _check_shapes(self, function: Any, inputs: Iterable[str]) -> None:  # noqa: ANN401 - untyped package
        """Runs without computing, so that unknown forms and wrong shapes are errors of loading."""
        values = {name: tensor.to("meta") for name, tensor in self._constants.items()}
        for name in inputs:
            if name not in function.inputs:
                raise BundleError(f"the program has the inputs {sorted(function.inputs)}, not {name!r}")
            values[name] = torch.empty(tuple(function.inputs[name].shape), device="meta")
        for step in self._steps:
            values.update(step.run(values))
            for result in step.results:
                if values[result.name].shape != result.shape:
                    raise BundleError(
                        f"{step.label} gives {list(values[result.name].shape)}; "
                        f"its program declares {list(result.shape)}: export again"
                    )


def _steps(operations: list[Any], constants: Constants, kept: set[str]) -> tuple[_Step, ...]:
    """Makes the steps from the last to the first, so that the last use of every value is known."""
    steps: list[_Step] = []
    needed = kept | set(constants)
    for operation in reversed(operations):
        attributes, sources = _bound(operation, constants)
        results = tuple(_result(operation, variable) for variable in operation.outputs)
        made = {result.name for result in results}
        last_used = tuple(sorted((_names(sources) | made) - needed))
        needed |= _names(sources)
        compute = functools.partial(OPERATORS[operation.op_type], **attributes)
        steps.append(_Step(_label(operation), compute, sources, results, last_used))
    return tuple(reversed(steps))


def _bound(operation: Any, constants: Constants) -> tuple[dict[str, Any], dict[str, Source]]:  # noqa: ANN401
    """Tells the attributes of an operator, with their values, from its tensor inputs, with their names."""
    hints = typing.get_type_hints(OPERATORS[operation.op_type])
    attributes: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for name, variable in operation.inputs.items():
        if variable is None:
            continue
        if isinstance(variable, list | tuple):
            sources[name] = tuple(each.name for each in variable)
        elif _is_tensor(hints.get(name, Tensor)):
            sources[name] = variable.name
        elif variable.name in constants:
            attributes[name] = _attribute(constants[variable.name])
        else:
            raise BundleError(
                f"{_label(operation)} computes its {name}; the emulation of Core ML takes constants only"
            )
    return attributes, sources


def _is_tensor(hint: Any) -> bool:  # noqa: ANN401 - a type
    return hint is Tensor or Tensor in typing.get_args(hint)


def _attribute(value: Any) -> Any:  # noqa: ANN401 - NumPy values of many types
    return value.tolist() if hasattr(value, "tolist") else value


def _result(operation: Any, variable: Any) -> _Result:  # noqa: ANN401 - untyped package
    from coremltools.converters.mil.mil import types

    name = types.builtin_to_string(variable.dtype)
    if name not in _TYPES:
        raise BundleError(f"{_label(operation)} gives {name}, which the emulation of Core ML does not know")
    is_rounded = name == "fp16" and operation.op_type not in EXACT
    return _Result(variable.name, tuple(variable.shape), _TYPES[name], is_rounded, _RANGES.get(name))


def _label(operation: Any) -> str:  # noqa: ANN401 - untyped package
    return f"{operation.op_type} {operation.name!r}"


def _names(sources: Mapping[str, Source]) -> set[str]:
    return {
        name for source in sources.values() for name in ((source,) if isinstance(source, str) else source)
    }
